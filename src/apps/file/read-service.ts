import type { MountModel, ServiceKind, ServiceModel } from '../../model/app.ts';
import { checkImagePolicy } from './check-image-policy.ts';
import type { FileContext } from './context.ts';
import { defined } from './defined.ts';
import { openMap, type Fields, type Reader } from './fields.ts';
import { readVolumesFrom, type VolumesFrom } from './join-volumes.ts';
import { idleServiceKeys, serviceKeys } from './keys.ts';
import { isOurLabel, joinLabels } from './label-block.ts';
import { wordsFor, type Node, type Place } from './node.ts';
import { refuseNotYet } from './not-yet.ts';
import { readBlock, type Block, type Reference } from './read-block.ts';
import { readBuild } from './read-build.ts';
import { readAdded, readDropped } from './read-capabilities.ts';
import { readDependencies, started, type ReadDependency } from './read-dependencies.ts';
import { openDeploy, readReplicas, type ReadReplicas } from './read-deploy.ts';
import { readEnvironment } from './read-environment.ts';
import { readGrants, type ReadGrant } from './read-grants.ts';
import { readHealthcheck } from './read-healthcheck.ts';
import { readLabelFiles } from './read-label-files.ts';
import { readLimits } from './read-limits.ts';
import { readLinks, type ReadLink } from './read-links.ts';
import { defaultTmpBytes, readMount, readTmpfs, type ReadMount } from './read-mounts.ts';
import { readAlias, readAttachments, type ReadAttachment } from './read-networks.ts';
import { readExposed, readPortMapping } from './read-ports.ts';
import { readRestart, type ReadRestart } from './read-restart.ts';
import type { ReadRoute } from './read-route.ts';
import { readSettings } from './read-settings.ts';
import { readTerminal } from './read-terminal.ts';
import { readBoolean, readCommand, readDuration, readList, readPairs, readWord, type Pair } from './readers.ts';
import { warnAt, warnOfIdle } from './warnings.ts';

/** A service as read, with the places that the checks across services complain about. */
export interface ReadService {
  readonly model: ServiceModel;
  readonly at: Place;
  /** Where its restart policy stands, if it does. */
  readonly restartAt: Place | undefined;
  readonly replicasAt: Place | undefined;
  readonly routes: readonly ReadRoute[];
  readonly mayRun: readonly Reference[];
  readonly dependsOn: readonly ReadDependency[];
  readonly attachments: readonly ReadAttachment[];
  readonly grants: readonly ReadGrant[];
  readonly mounts: readonly ReadMount[];
  readonly volumesFrom: readonly VolumesFrom[];
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
  warnOfIdle(fields, idleServiceKeys, context);
  const labels = [...readLabelFiles(fields, context), ...(fields.read('labels', readPairs) ?? [])];
  const block = readBlock(joinLabels(fields.node('x-minke'), labels.filter(isOurLabel), at, problems), at, problems);
  const deploy = openDeploy(fields, context);
  const asked = {
    restart: readRestart(fields, deploy, problems),
    replicas: readReplicas(fields, deploy, problems),
    healthcheck: fields.read('healthcheck', readHealthcheck),
  };
  const links = fields.read('links', readLinks) ?? [];
  const references = referencesOf(fields, block, links, context);
  const model: ServiceModel = {
    name,
    ...programOf(fields, context),
    ...boundsOf(fields, deploy, block, references.mounts, context),
    ...lifeOf(block, asked),
    ...isolationOf(fields, links, context),
    pack: block.pack,
    environment: readEnvironment(fields, context),
    labels: plainLabels(labels),
    deployLabels: plainLabels(deploy?.read('labels', readPairs) ?? []),
    grants: references.grants.map((grant) => grant.model),
    dependsOn: references.dependsOn.map((dependency) => dependency.model),
    ...portsOf(fields, block),
    networks: references.attachments.map((attachment) => attachment.model),
    aliases: fields.read('container_name', readList(readAlias)) ?? [],
    routes: block.routes.map(({ route }) => route),
    mayRun: block.mayRun.map((reference) => reference.name),
    api: block.api,
    outbound: block.outbound ?? 'public',
    ...(block.engine === undefined ? {} : { engine: block.engine }),
    timeoutMs: block.timeoutMs ?? defaultTimeoutMs[block.kind],
    concurrency: block.concurrency ?? defaultConcurrency(block.kind, context.cores),
    ...block.bounds,
  };
  const { mounts } = references;
  const { replicas, restart, healthcheck } = asked;
  if (healthcheck !== undefined && block.kind !== 'service') warnAt(fields.placeOf('healthcheck'), unasked, context);
  const [portsAt, dnsAt, cpusetAt] = [fields.placeOf('ports'), fields.placeOf('dns'), fields.placeOf('cpuset')];
  refuseNotYet({ model, mounts, portsAt, dnsAt, cpusetAt }, context);
  return { model, at, restartAt: restart?.at, replicasAt: replicas?.at, ...references };
}

type References = Omit<ReadService, 'model' | 'at' | 'restartAt' | 'replicasAt'>;

const unasked = {
  reason: 'the health of a function is not checked: an instance that answers nobody is replaced',
  mend: 'Take it out.',
};

function referencesOf(fields: Fields, block: Block, links: readonly ReadLink[], context: FileContext): References {
  const dependencies = fields.read('depends_on', readDependencies) ?? [];
  const volumesFrom = fields.read('volumes_from', readVolumesFrom) ?? [];
  // Older files say by a link that the other comes first.
  const implied = [...links, ...volumesFrom].map(({ service, at }) => started(service, at));
  const all = [...dependencies, ...implied];
  return {
    routes: block.routes,
    mayRun: block.mayRun,
    dependsOn: all.filter(({ model }, index) => all.findIndex((one) => one.model.name === model.name) === index),
    attachments: readAttachments(fields, context),
    grants: [...readGrants(fields, 'secret'), ...readGrants(fields, 'config')],
    mounts: fields.read('volumes', readList(readMount(context.variables('HOME')))) ?? [],
    volumesFrom,
    portsAt: fields.node('ports') === undefined ? undefined : fields.placeOf('ports'),
    packAt: block.packAt,
    hasBuild: fields.node('build') !== undefined,
  };
}

interface AskedLife {
  readonly restart: ReadRestart | undefined;
  readonly replicas: ReadReplicas | undefined;
  readonly healthcheck: ServiceModel['healthcheck'];
}

function lifeOf(
  block: Block,
  { restart, replicas, healthcheck }: AskedLife,
): Pick<ServiceModel, 'restart' | 'restartBounds' | 'healthcheck' | 'replicas'> {
  const bounds = restart?.bounds ?? {};
  return {
    // Compose's own default is "no". Here a service is what runs all the time, so it is kept up unless its file says otherwise.
    restart: restart?.policy ?? (block.kind === 'service' ? 'always' : 'no'),
    ...(Object.keys(bounds).length === 0 ? {} : { restartBounds: bounds }),
    ...(healthcheck === undefined ? {} : { healthcheck }),
    replicas: replicas?.count ?? 1,
  };
}

function isolationOf(
  fields: Fields,
  links: readonly ReadLink[],
  context: FileContext,
): Pick<ServiceModel, 'capAdd' | 'capDrop' | 'settings' | 'stdinOpen'> {
  const aliases = links.flatMap(({ alias, service }) => (alias === undefined ? [] : [[alias, service] as const]));
  return {
    capAdd: fields.read('cap_add', readAdded) ?? [],
    capDrop: fields.read('cap_drop', readDropped) ?? [],
    settings: {
      ...readSettings(fields, context),
      ...(aliases.length === 0 ? {} : { links: Object.fromEntries(aliases) }),
    },
    stdinOpen: readTerminal(fields, context),
  };
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
  checkImagePolicy(fields, context);
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

type Bounds = Pick<ServiceModel, 'kind' | 'readOnly' | 'tmpBytes' | 'mounts' | 'stopGraceMs' | 'limits'>;

function boundsOf(
  fields: Fields,
  deploy: Fields | undefined,
  block: Block,
  volumes: readonly ReadMount[],
  context: FileContext,
): Bounds {
  const isFunction = block.kind !== 'service';
  const readOnly = fields.read('read_only', readBoolean) ?? isFunction;
  const tmpfs = fields.read('tmpfs', readList(readTmpfs)) ?? [];
  const mounts = [...volumes.map(({ mount }) => mount), ...tmpfs];
  return {
    kind: block.kind,
    readOnly,
    tmpBytes: tmpBytesOf(mounts, isFunction || readOnly),
    mounts: mounts.filter((mount) => mount.target !== '/tmp' || mount.type !== 'tmpfs'),
    stopGraceMs: fields.read('stop_grace_period', readDuration) ?? 10_000,
    limits: readLimits(fields, deploy, isFunction, context),
  };
}

/** Where nothing else may be written, /tmp is a tmpfs; a mount of its own there comes first. */
function tmpBytesOf(mounts: readonly MountModel[], isNeeded: boolean): number {
  const own = mounts.findLast((mount) => mount.target === '/tmp');
  if (own !== undefined) return own.type === 'tmpfs' ? (own.sizeBytes ?? defaultTmpBytes) : 0;
  return isNeeded ? defaultTmpBytes : 0;
}

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

function portsOf(fields: Fields, block: Block): Pick<ServiceModel, 'ports' | 'published'> {
  const exposed = fields.read('expose', readList(readExposed)) ?? [];
  const mapped = fields.read('ports', readList(readPortMapping)) ?? [];
  const own = block.port === undefined ? [] : [block.port];
  return {
    ports: [...new Set([...own, ...[...exposed, ...mapped].flatMap(({ container }) => container)])],
    published: mapped.flatMap(({ published }) => published),
  };
}

const plainLabels = (labels: readonly Pair[]): Readonly<Record<string, string>> =>
  Object.fromEntries(labels.filter((label) => !isOurLabel(label)).map(({ name, value }) => [name, value ?? '']));
