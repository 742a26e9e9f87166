import type { ContainerWords } from '../../apps/declare/read-container.ts';
import type * as ReadContainer from '../../apps/declare/read-container.ts';
import type { ContainerRequest } from '../../dockerapi/containers.ts';
import { MinkeError } from '../../errors/index.ts';
import type { ServiceModel } from '../../model/app.ts';
import type { Outbound } from '../../model/instance.ts';
import type { RunMount, RunOptions } from '../../model/run.ts';

/** Read by whoever reads app files, which a daemon that takes up what is there does without. */
const loadReader = async (): Promise<typeof ReadContainer> => await import('../../apps/declare/read-container.ts');

/** Which app it is of is not the function's own affair. */
const appLabel = 'minke.app';

/** @throws as for an app file, and NOT_SUPPORTED for what no function can have */
export async function readFunction(name: string, request: ContainerRequest): Promise<ServiceModel> {
  const { options } = request;
  const strange = unfit.find(([, isAsked]) => isAsked(options));
  if (strange !== undefined)
    throw new MinkeError('NOT_SUPPORTED', { what: strange[0], reason: 'its label says that it is a function' });
  const { readContainer } = await loadReader();
  return readContainer(name, options.name ?? name, wordsOf(request));
}

const unfit: readonly (readonly [what: string, isAsked: (options: RunOptions) => boolean])[] = [
  ['A port of the host that leads to the container', ({ ports = [] }) => ports.length > 0],
  ['HostConfig.Privileged', ({ privileged }) => privileged === true],
  ['HostConfig.PidMode', ({ pidNamespace }) => pidNamespace === 'host'],
];

/** What labels may say of a container that is no function. @throws as for an app file, and NOT_SUPPORTED for all but its way outside */
export async function readOutbound({ options, target }: ContainerRequest): Promise<Outbound | undefined> {
  const { labels = {}, name = '' } = options;
  const ours = Object.keys(labels).filter((label) => label.startsWith('minke.') && label !== appLabel);
  if (ours.length === 0) return undefined;
  const { readContainer } = await loadReader();
  const image = 'image' in target ? target.image : name;
  const { outbound } = readContainer('container', name, { image, labels: withoutApp(labels) });
  const other = ours.find((label) => label !== 'minke.outbound');
  if (other === undefined) return outbound;
  throw new MinkeError('NOT_SUPPORTED', {
    what: `The label "${other}"`,
    reason: 'a container that is no function runs as it is; minke.function makes it one',
  });
}

function wordsOf({ target, args, env, options }: ContainerRequest): ContainerWords {
  return {
    image: 'image' in target ? target.image : undefined,
    entrypoint: options.entrypoint,
    command: args.length > 0 ? args : undefined,
    // A list, since a value of a mapping may not be empty.
    environment: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    working_dir: options.workdir,
    user: options.user,
    hostname: options.hostname,
    read_only: options.readOnlyRoot,
    volumes: options.mounts?.map(mountWords),
    cap_add: options.capAdd,
    cap_drop: options.capDrop,
    mem_limit: options.memoryBytes,
    cpus: options.cpus,
    pids_limit: options.pids,
    stop_grace_period: options.stopGraceMs === undefined ? undefined : `${options.stopGraceMs}ms`,
    labels: withoutApp(options.labels ?? {}),
  };
}

const mountWords = ({ type, source, target, readOnly, sizeBytes }: RunMount) => ({
  type,
  source,
  target,
  read_only: readOnly,
  tmpfs: sizeBytes === undefined ? undefined : { size: sizeBytes },
});

const withoutApp = (labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(labels).filter(([label]) => label !== appLabel));
