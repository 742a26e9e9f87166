import type { MountModel, ServiceKind, ServiceModel } from '../../model/app.ts';
import { MinkeError } from '../../errors/index.ts';
import type { FileContext } from './context.ts';
import { openMap, type Fields, type Reader } from './fields.ts';
import { dependencyKeys, serviceKeys } from './keys.ts';
import { isOurLabel, joinLabels } from './label-block.ts';
import { wordsFor, type Node, type Place } from './node.ts';
import { readBlock, readReference, type Block, type Reference } from './read-block.ts';
import { readBuild } from './read-build.ts';
import { readEnvironment } from './read-environment.ts';
import { readLimits } from './read-limits.ts';
import { defaultTmpBytes, readMount, readTmpfs, type ReadMount } from './read-mounts.ts';
import { readExposed, readPortMapping, type ReadPort } from './read-ports.ts';
import type { ReadRoute } from './read-route.ts';
import {
  readBoolean,
  readCommand,
  readDuration,
  readList,
  readOneOf,
  readPairs,
  readWord,
  type Pair,
} from './readers.ts';

/** A service as read, with the places that the checks across services complain about. */
export interface ReadService {
  readonly model: ServiceModel;
  readonly at: Place;
  readonly routes: readonly ReadRoute[];
  readonly mayRun: readonly Reference[];
  readonly dependsOn: readonly Reference[];
  readonly mounts: readonly ReadMount[];
  /** Where `ports` stands, if it does. */
  readonly portsAt: Place | undefined;
  readonly packAt: Place | undefined;
  /** Said of a build that was refused, too. */
  readonly hasBuild: boolean;
}

/** Reads one service; `at` is where its name stands. */
export function readService(name: string, node: Node, at: Place, context: FileContext): ReadService | undefined {
  const { problems } = context;
  const fields = openMap(node, serviceKeys, problems);
  if (fields === undefined) return undefined;
  const labels = fields.read('labels', readPairs) ?? [];
  const block = readBlock(joinLabels(fields.node('x-minke'), labels.filter(isOurLabel), at, problems), at, problems);
  const references = {
    routes: block.routes,
    mayRun: block.mayRun,
    dependsOn: fields.read('depends_on', readDependencies) ?? [],
    mounts: fields.read('volumes', readList(readMount(context.folder, context.variables('HOME')))) ?? [],
    portsAt: fields.node('ports') === undefined ? undefined : fields.placeOf('ports'),
    packAt: block.packAt,
    hasBuild: fields.node('build') !== undefined,
  };
  const model: ServiceModel = {
    name,
    ...programOf(fields, context),
    ...boundsOf(fields, block, references.mounts, context),
    pack: block.pack,
    environment: readEnvironment(fields, context),
    labels: plainLabels(labels),
    dependsOn: references.dependsOn.map((dependency) => dependency.name),
    ports: portsOf(fields, block, context),
    routes: block.routes.map(({ route }) => route),
    mayRun: block.mayRun.map((reference) => reference.name),
    api: block.api,
    outbound: block.outbound ?? 'public',
    timeoutMs: block.timeoutMs ?? defaultTimeoutMs[block.kind],
    concurrency: block.concurrency ?? defaultConcurrency(block.kind, context.cores),
    ...block.bounds,
  };
  return { model, at, ...references };
}

const defaultTimeoutMs: Readonly<Record<ServiceKind, number>> = {
  service: 30_000,
  http: 30_000,
  cgi: 30_000,
  task: 600_000,
};

/** A service has no limit of its own; the figure only keeps a runaway caller off. */
function defaultConcurrency(kind: ServiceKind, cores: number): number {
  if (kind === 'service') return 10_000;
  return kind === 'http' ? 100 : 4 * cores;
}

type Program = Pick<ServiceModel, 'image' | 'build' | 'command' | 'entrypoint' | 'workingDir' | 'user' | 'hostname'>;

function programOf(fields: Fields, context: FileContext): Program {
  return defined({
    image: fields.read('image', readWord),
    build: readBuild(fields, context),
    command: fields.read('command', readCommand),
    entrypoint: fields.read('entrypoint', readCommand),
    workingDir: fields.read('working_dir', readWord),
    user: fields.read('user', readUser),
    hostname: fields.read('hostname', readHostName),
  });
}

type Bounds = Pick<ServiceModel, 'kind' | 'readOnly' | 'tmpBytes' | 'mounts' | 'restart' | 'stopGraceMs' | 'limits'>;

function boundsOf(fields: Fields, block: Block, volumes: readonly ReadMount[], { problems }: FileContext): Bounds {
  const isFunction = block.kind !== 'service';
  const readOnly = fields.read('read_only', readBoolean) ?? isFunction;
  const tmpfs = fields.read('tmpfs', readList(readTmpfs)) ?? [];
  const mounts = [...volumes.map(({ mount }) => mount), ...tmpfs];
  return {
    kind: block.kind,
    readOnly,
    tmpBytes: tmpBytesOf(mounts, isFunction || readOnly),
    mounts: mounts.filter((mount) => mount.target !== '/tmp' || mount.type !== 'tmpfs'),
    // Compose's own default is "no". Here a service is what runs all the time, so it is kept up unless its file says otherwise.
    restart: fields.read('restart', readRestart) ?? (isFunction ? 'no' : 'always'),
    stopGraceMs: fields.read('stop_grace_period', readDuration) ?? 10_000,
    limits: readLimits(fields, isFunction, problems),
  };
}

/** Where nothing else may be written, /tmp is a tmpfs; a mount of its own there comes first. */
function tmpBytesOf(mounts: readonly MountModel[], isNeeded: boolean): number {
  const own = mounts.findLast((mount) => mount.target === '/tmp');
  if (own !== undefined) return own.type === 'tmpfs' ? (own.sizeBytes ?? defaultTmpBytes) : 0;
  return isNeeded ? defaultTmpBytes : 0;
}

const readRestart: Reader<ServiceModel['restart']> = (node, problems) => {
  if (node.kind === 'scalar' && /^on-failure:\d+$/.test(node.text)) {
    problems.unsupported(node.at, 'a limit of restarts comes with a later version', 'Write on-failure.');
    return undefined;
  }
  return readOneOf(['no', 'on-failure', 'always', 'unless-stopped'])(node, problems);
};

const readUser: Reader<string> = (node, problems) => {
  const user = readWord(node, problems);
  if (user === undefined || /^[\w.-]+(?::[\w.-]+)?$/.test(user)) return user;
  problems.badValue(
    node.at,
    wordsFor(node),
    'it must be a user, or user:group',
    'Write a name or a number: "1000:1000".',
  );
  return undefined;
};

const readHostName: Reader<string> = (node, problems) => {
  const name = readWord(node, problems);
  if (name === undefined || /^(?=.{1,64}$)[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/i.test(name)) return name;
  problems.badValue(node.at, wordsFor(node), 'it must be a host name', 'Use letters, digits and "-".');
  return undefined;
};

/** `[db]` or `{db: {condition: service_started}}`. */
const readDependencies: Reader<readonly Reference[]> = (node, problems) => {
  if (node.kind !== 'map') return readList(readReference)(node, problems);
  return [...node.entries].map(([name, { key, value }]) => {
    const fields = value.kind === 'scalar' && value.isNull ? undefined : openMap(value, dependencyKeys, problems);
    const condition = fields?.read(
      'condition',
      readOneOf(['service_started', 'service_healthy', 'service_completed_successfully']),
    );
    if (fields !== undefined && condition !== undefined && condition !== 'service_started') {
      const mend = 'Write service_started: minke waits until the port of a service answers.';
      problems.unsupported(fields.placeOf('condition'), `"${condition}" comes with a later version`, mend);
    }
    fields?.read('required', readBoolean);
    fields?.read('restart', readBoolean);
    return { name, at: key };
  });
};

function portsOf(fields: Fields, block: Block, context: FileContext): readonly number[] {
  const exposed = fields.read('expose', readList(readExposed)) ?? [];
  const mapped = fields.read('ports', readList(readPortMapping)) ?? [];
  if (block.kind === 'service') warnOfPublished(fields, mapped, context);
  const own = block.port === undefined ? [] : [block.port];
  return [...new Set([...own, ...[...exposed, ...mapped].flatMap(({ container }) => container)])];
}

/** Not an error: nearly every Compose file publishes ports, and the app itself works without. */
function warnOfPublished(fields: Fields, ports: readonly ReadPort[], { warn }: FileContext): void {
  const published = ports.filter((port) => port.published !== undefined);
  if (published.length === 0) return;
  const { file, line, path } = fields.placeOf('ports');
  const reason = 'ports of the host come with a later version; the service answers inside its app';
  const mend = 'Give it an x-minke.route to reach it through the gateway.';
  warn(new MinkeError('APP_FILE_UNSUPPORTED_KEY', { place: `${file}:${line}`, line, key: path, reason, mend }));
}

const plainLabels = (labels: readonly Pair[]): Readonly<Record<string, string>> =>
  Object.fromEntries(labels.filter((label) => !isOurLabel(label)).map(({ name, value }) => [name, value ?? '']));

/** The same without the keys that are undefined. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof defined<T>
  >;
}
