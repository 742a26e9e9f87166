import { isAbsolute, resolve } from 'node:path';
import type { OptionSpec, Values } from '../command/options.ts';
import { usage } from '../command/parse.ts';
import type { ContainerMount, ContainerOptions } from '../../sdk/types.ts';

/** How the container of a run differs from what its target says, in the words of `docker run`. */
export const containerFlags = {
  entrypoint: { type: 'text', value: 'PROGRAM', about: "In place of the image's" },
  workdir: { type: 'text', short: 'w', value: 'PATH', about: 'Where it starts' },
  user: { type: 'text', short: 'u', value: 'UID[:GID]', about: 'A number or a name of the image' },
  hostname: { type: 'text', value: 'NAME', about: 'Its own name' },
  label: { type: 'list', short: 'l', value: 'K=V', about: 'A label' },
  memory: { type: 'text', short: 'm', value: '256m', about: 'More ends it; 0 = no limit' },
  cpus: { type: 'text', value: '0.5', about: 'Cores; 0 = no limit' },
  'pids-limit': { type: 'text', value: '256', about: 'Processes and threads together' },
  'read-only': { type: 'flag', about: 'It cannot write to its root' },
  volume: { type: 'list', short: 'v', value: 'FROM:TO[:ro]', about: 'A folder of the host, or a volume by its name' },
  mount: {
    type: 'list',
    value: 'type=...',
    about: 'The same in full: type=bind|volume|tmpfs,source=,target=,readonly',
  },
  'cap-add': { type: 'list', value: 'NAME', about: 'Give it a capability' },
  'cap-drop': { type: 'list', value: 'NAME', about: 'Take one away; ALL takes all' },
  network: { type: 'text', value: 'app', choices: ['app', 'none'], about: "The app's network, or none" },
} as const satisfies Readonly<Record<string, OptionSpec>>;

type Flags = Values<typeof containerFlags>;

/** @throws USAGE that names the flag */
export function containerOf(flags: Flags): ContainerOptions {
  const mounts = [...flags.volume.map(readVolume), ...flags.mount.map(readMount)];
  const { workdir, user, hostname, entrypoint, network } = flags;
  return defined({
    entrypoint: entrypoint === undefined ? undefined : entrypoint === '' ? [] : [entrypoint],
    workdir,
    user,
    hostname,
    labels: flags.label.length === 0 ? undefined : Object.fromEntries(flags.label.map(readLabel)),
    memoryBytes: numberOf('--memory', flags.memory, readBytes, '256m'),
    cpus: numberOf('--cpus', flags.cpus, readNumber, '0.5'),
    pids: numberOf('--pids-limit', flags['pids-limit'], readNumber, '256'),
    readOnlyRoot: flags['read-only'] ? true : undefined,
    mounts: mounts.length === 0 ? undefined : mounts,
    capAdd: namesOf(flags['cap-add']),
    capDrop: namesOf(flags['cap-drop']),
    network: network as 'app' | 'none' | undefined,
  });
}

/** `--env` of a command: what has no value has the one of here, and is left out where there is none. */
export function environmentOf(
  given: readonly string[],
  own: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const pairs = given.map((text): [string, string | undefined] => {
    const at = text.indexOf('=');
    const name = at === -1 ? text : text.slice(0, at);
    if (name === '') throw usage(`--env cannot be "${text}": it has no name`, 'Write --env NAME=VALUE');
    return [name, at === -1 ? own[name] : text.slice(at + 1)];
  });
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** What was not asked for is not sent. */
const defined = (options: { readonly [Key in keyof ContainerOptions]: ContainerOptions[Key] | undefined }) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ContainerOptions;

const namesOf = (names: readonly string[]): readonly string[] | undefined =>
  names.length === 0 ? undefined : names.map((name) => name.toUpperCase());

function readLabel(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at === 0 || text === '') throw usage(`--label cannot be "${text}": it has no name`, 'Write --label NAME=VALUE');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function numberOf(
  flag: string,
  text: string | undefined,
  read: (text: string) => number | undefined,
  example: string,
): number | undefined {
  const value = text === undefined ? undefined : read(text);
  if (text !== undefined && value === undefined)
    throw usage(`${flag} cannot be "${text}"`, `Write it as in ${flag} ${example}`);
  return value;
}

const readNumber = (text: string): number | undefined => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined);

/** All units are powers of 1024, as everywhere with containers. */
function readBytes(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  return count === undefined
    ? undefined
    : Math.floor(Number(count) * 1024 ** ['', 'k', 'm', 'g', 't'].indexOf(unit.toLowerCase()));
}

function readVolume(text: string): ContainerMount {
  const [source = '', target = '', mode = 'rw', ...rest] = text.split(':');
  const isRight = source !== '' && isAbsolute(target) && ['ro', 'rw'].includes(mode) && rest.length === 0;
  if (!isRight) throw usage(`--volume cannot be "${text}"`, 'Write it as in --volume /data:/data:ro');
  return { ...fromHostOrVolume(source), target, readOnly: mode === 'ro' };
}

/** A path is a folder of the host, also one that begins with a dot; all else is the name of a volume. */
const fromHostOrVolume = (source: string): Pick<ContainerMount, 'type' | 'source'> =>
  isAbsolute(source) || source.startsWith('.') ? { type: 'bind', source: resolve(source) } : { type: 'volume', source };

function readMount(text: string): ContainerMount {
  const words = Object.fromEntries(
    text.split(',').map((word): [string, string] => {
      const [key = '', ...value] = word.split('=');
      return [mountWords[key] ?? refuseMount(text), value.join('=')];
    }),
  );
  const { type = 'volume', source, target = '', readOnly, size } = words;
  const sizeBytes = size === undefined ? undefined : readBytes(size);
  if (!isMountType(type) || !isAbsolute(target) || (size !== undefined && sizeBytes === undefined)) refuseMount(text);
  return {
    type,
    ...(source === undefined ? {} : { source: type === 'bind' ? resolve(source) : source }),
    target,
    readOnly: readOnly !== undefined && readOnly !== 'false',
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  };
}

/** As Docker spells them, to the word that they stand for. */
const mountWords: Readonly<Record<string, string>> = {
  type: 'type',
  source: 'source',
  src: 'source',
  target: 'target',
  destination: 'target',
  dst: 'target',
  readonly: 'readOnly',
  ro: 'readOnly',
  'tmpfs-size': 'size',
};

const isMountType = (type: string): type is ContainerMount['type'] => ['bind', 'volume', 'tmpfs'].includes(type);

function refuseMount(text: string): never {
  throw usage(`--mount cannot be "${text}"`, 'Write it as in --mount type=bind,source=/data,target=/data,readonly');
}
