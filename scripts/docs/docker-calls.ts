import { createFields, type CreateFields } from '../../src/dockerapi/create-fields.ts';
import { dockerRoutes, type CallName, type Route } from '../../src/dockerapi/routes.ts';

/** Where a call that works does something else than with a Docker Engine. */
const differences: Partial<Record<CallName, string>> = {
  version: 'API 1.24 to 1.47',
  events: 'of containers only, the last 256 of them for `since`',
  containerCreate: 'the fields below; a name is unique among the containers of the door',
  containerList: 'filters `id`, `name`, `label`, `status`, `ancestor`, `health`, `network`, `volume`, `exited`',
  containerInspect: 'what minke does not have is empty: paths of the host, addresses of links, the pid',
  containerStart: 'also of one that has ended, with what it has written',
  containerRestart: "not of a function's container, which is a run and happens once",
  containerAttach: 'detach keys are input like any other',
  containerLogs: 'of its last ten lives, and of each the newest 192 MiB',
  containerRename: 'on a network it is found by its first name until it ends',
  containerUpdate: 'memory, processors, processes and the restart policy',
  containerTop: '`ps` of the host, with the numbers of the host',
  containerStats:
    'no figures of disks; without `cpuacct` (cgroup v1) the time of its living processes and of those that they buried',
  containerPrune: 'filter `label`; the space is not counted',
  containerExport: 'without what is mounted in it',
  archiveGet:
    'of one that does not run without its volumes; without devices, sockets and the file systems of the kernel; hard links become files',
  archiveHead: 'of one that does not run without its volumes',
  archivePut: 'of one that does not run beneath its volumes; as plain tar; devices and pipes are refused',
  execCreate: 'without `--privileged`',
  execStart:
    '127 where there is no such program, where Docker 20.10 says 126; ends with the daemon. Driven by runc, it ends when nobody holds its output any more, and not with its first process',
  imageList: 'filter `reference`',
  imagePull: 'one line of progress for all layers; no import of a tar file',
  imageLoad: 'archives of `docker save`, old and new, and OCI layouts',
  imageSave: 'one image at a time',
  imageRemove:
    'frees the disk with the next prune; an image that an app or a living container has is kept, forced or not',
  imagePrune: 'filter `dangling`',
  systemDf: 'not of what containers have written',
  networkCreate: 'driver `bridge`, without options; addresses are given by minke',
  networkConnect: 'of one that does not run: its network is made for it at its start',
  networkDisconnect: 'of one that does not run',
  networkInspect: 'no gateways and no subnets: a network routes and does not bridge',
  volumeCreate: 'plain folders; labels are kept, drivers and options refused',
};

/** Every call that is known, in the order in which it is looked up. */
export function dockerCallTable(): string {
  const rows = dockerRoutes.map((route) =>
    row(
      `\`${route.method === '*' ? 'any' : route.method} ${route.path.replace(/\*$/, '')}\``,
      answerOf(route),
      doorOf(route),
    ),
  );
  return [row('call', "at the operator's door", "at a function's door"), row('---', '---', '---'), ...rows].join('\n');
}

/** What may be asked of a container, and what is refused and why. */
export function dockerFieldTable(): string {
  const rows = fieldsOf(createFields, '').map(([path, use, reason]) => row(`\`${path}\``, use, reason));
  return [row('field', 'use', 'why'), row('---', '---', '---'), ...rows].join('\n');
}

function answerOf({ call }: Route): string {
  if (typeof call !== 'string') return `501: ${call.because}`;
  const difference = differences[call];
  return difference === undefined ? 'works' : `works; ${difference}`;
}

function doorOf({ functionDoor, path }: Route): string {
  if (functionDoor !== 'open') return `403: ${functionDoor.closed}`;
  return path.includes(':container') ? 'on its own' : 'open';
}

function fieldsOf(fields: CreateFields, prefix: string): readonly (readonly [string, string, string])[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const own = [path, uses[field.use], field.reason] as const;
    return [own, ...(field.fields === undefined ? [] : fieldsOf(field.fields, `${path}.`))];
  });
}

const uses = {
  asked: 'works',
  written: "works; of a function's container minke writes its own",
  operator: "works at the operator's door",
  harmless: 'changes nothing',
  refused: '501',
} as const;

const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
