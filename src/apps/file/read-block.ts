import type { PackModel, ServiceKind, ServiceModel } from '../../model/app.ts';
import { callbackUrlWords, isCallbackUrl } from '../../model/callback-url.ts';
import type { EngineName, Outbound } from '../../model/instance.ts';
import { defined } from './defined.ts';
import { openMap, type Fields, type Reader } from './fields.ts';
import { blockKeys } from './keys.ts';
import { isNull, type MapNode, type Node, type Place } from './node.ts';
import type { Problems } from './problems.ts';
import { readOutbound } from './read-outbound.ts';
import { readHandoff } from './read-later.ts';
import { defaultRetries, readRetries } from './read-retries.ts';
import { readSchedules } from './read-schedule.ts';
import { readRoute, type ReadRoute } from './read-route.ts';
import { defaultQueueMax, defaultScale, readQueue, readScale, readServiceScale } from './read-scale.ts';
import {
  readAbsolutePath,
  readBoolean,
  readInteger,
  readList,
  readOneOf,
  readPort,
  readTimeLimit,
  scalar,
} from './readers.ts';

/** What `x-minke` of a service says; absent = not said. */
export interface Block {
  readonly kind: ServiceKind;
  readonly routes: readonly ReadRoute[];
  readonly mayRun: readonly Reference[];
  readonly pack: PackModel;
  readonly packAt: Place | undefined;
  readonly timeoutMs: number | undefined;
  readonly outbound: Outbound | undefined;
  readonly concurrency: number | undefined;
  readonly bounds: Pick<ServiceModel, 'scale' | 'queueMax' | 'retries' | 'schedules' | 'callback'>;
  readonly port: number | undefined;
  readonly api: boolean;
  readonly engine: EngineName | undefined;
}

/** A name that must exist elsewhere in the file. */
export interface Reference {
  readonly name: string;
  readonly at: Place;
}

export function readBlock(node: Node | undefined, at: Place, problems: Problems): Block {
  const given = node === undefined || isNull(node) ? emptyMap(at) : node;
  const fields = openMap(given, blockKeys, problems) ?? openMap(emptyMap(at), blockKeys, problems);
  const kind: ServiceKind = fields?.read('function', readOneOf(['cgi', 'http', 'task'])) ?? 'service';
  if (fields !== undefined) {
    refuseWhatComesLater(fields, problems);
    refuseWhatDoesNotFit(fields, kind, problems);
  }
  return {
    kind,
    routes: fields?.read('route', readList(readRoute)) ?? [],
    mayRun: fields?.read('may-run', readList(readReference)) ?? [],
    pack: fields?.read('pack', readPack) ?? { runtime: 'auto', include: [] },
    packAt: fields?.node('pack') === undefined ? undefined : fields.placeOf('pack'),
    timeoutMs: fields?.read('timeout', readTimeLimit),
    outbound: fields?.read('outbound', readOutbound),
    concurrency: fields?.read('concurrency', readInteger(1)),
    bounds: boundsOf(fields, kind),
    port: fields?.read('port', readPort),
    api: fields?.read('api', readBoolean) ?? false,
    engine: fields?.read('engine', readEngine),
  };
}

/** `x-minke` of the whole file: what its services are on that say nothing else. */
export const readRootBlock: Reader<Pick<ServiceModel, 'engine'>> = (node, problems) => {
  const fields = openMap(node, { known: ['engine', 'faults'] }, problems);
  if (fields === undefined) return {};
  later(
    fields,
    'faults',
    scalar('a path', 'Write ./faults.yaml.', (text) => text || undefined),
    'fault policies come',
    problems,
  );
  const engine = fields.read('engine', readEngine);
  return engine === undefined ? {} : { engine };
};

const emptyMap = (at: Place): MapNode => ({ kind: 'map', at, entries: new Map() });

export const readReference: Reader<Reference> = (node, problems) => {
  const name = scalar(
    'a name',
    'Write the name of a service or function.',
    (text) => text || undefined,
  )(node, problems);
  return name === undefined ? undefined : { name, at: node.at };
};

const readPack: Reader<PackModel> = (node, problems) => {
  const fields = openMap(node, { known: ['runtime', 'include'] }, problems);
  return {
    runtime: fields?.read('runtime', readOneOf(['node', 'perl', 'python', 'none'])) ?? 'auto',
    include: fields?.read('include', readList(readAbsolutePath)) ?? [],
  };
};

/** Their shape is checked first, so that a file does not wait for the next version to be told of its slips. */
function refuseWhatComesLater(fields: Fields, problems: Problems): void {
  later(fields, 'handoff', readHandoff, 'the hand-off of state comes', problems);
  later(fields, 'waiting-page', readBoolean, 'the waiting page comes', problems, (isWanted) => !isWanted);
  later(fields, 'reuse', readBoolean, 'instances for one request come', problems, (isReused) => isReused);
}

const readCallback: Reader<string> = scalar(callbackUrlWords, 'Write the whole URL.', (text) =>
  isCallbackUrl(text) ? text : undefined,
);

const readEngine: Reader<EngineName> = (node, problems) => {
  const engine = readOneOf(['sandbox', 'docker', 'swarm'])(node, problems);
  if (engine !== 'swarm') return engine;
  problems.unsupported(node.at, 'the engine swarm comes with a later version', 'Write docker, or take it out.');
  return undefined;
};

/** How many instances, how many requests may wait for them, how often a run is tried and when it begins by itself. */
function boundsOf(fields: Fields | undefined, kind: ServiceKind): Block['bounds'] {
  const scale = fields?.read('scale', kind === 'service' ? readServiceScale : readScale);
  const queueMax = fields?.read('queue', readQueue);
  const retries = fields?.read('retries', readRetries) ?? defaultRetries;
  const schedules = fields?.read('schedule', readSchedules);
  const callback = fields?.read('callback', readCallback);
  if (kind === 'task') return defined({ retries, schedules, callback });
  if (kind === 'http') return { scale: scale ?? defaultScale, queueMax: queueMax ?? defaultQueueMax };
  if (kind === 'service') return scale === undefined ? {} : { scale };
  return kind === 'cgi' && queueMax !== undefined ? { queueMax } : {};
}

/** `isDefault`: the value asks for nothing that is not so anyway. */
function later<T>(
  fields: Fields,
  key: string,
  reader: Reader<T>,
  what: string,
  problems: Problems,
  isDefault: (value: T) => boolean = () => false,
): void {
  const value = fields.read(key, reader);
  if (value === undefined || isDefault(value)) return;
  problems.unsupported(fields.placeOf(key), `${what} with a later version`, `Take "${key}" out until then.`);
}

function refuseWhatDoesNotFit(fields: Fields, kind: ServiceKind, problems: Problems): void {
  refuseUnless(fields, 'scale', kind, ['http', 'service'], problems);
  refuseUnless(fields, 'queue', kind, ['http', 'cgi'], problems);
  refuseUnless(fields, 'retries', kind, ['task'], problems);
  refuseUnless(fields, 'schedule', kind, ['task'], problems);
  refuseUnless(fields, 'callback', kind, ['task'], problems);
  if (fields.node('port') === undefined || kind === 'http' || kind === 'service') return;
  const mend = kind === 'cgi' ? 'Take it out, or write function: http.' : 'Take it out.';
  problems.badValue(fields.placeOf('port'), 'a port', `a ${kind} function does not listen`, mend);
}

const reasonsForService: Readonly<Record<string, string>> = {
  retries: 'a service is restarted as "restart" says',
  schedule: 'a service runs all the time',
  callback: 'only a run has an end to tell of',
};

function refuseUnless(
  fields: Fields,
  key: string,
  kind: ServiceKind,
  kinds: readonly ServiceKind[],
  problems: Problems,
): void {
  if (fields.node(key) === undefined || kinds.includes(kind)) return;
  const [what, reason] =
    kind === 'service'
      ? ['a service', reasonsForService[key] ?? 'it comes with a later version']
      : [`a ${kind} function`, `only ${kinds.join(' and ')} functions have it`];
  problems.unsupported(fields.placeOf(key), `given for ${what}: ${reason}`, `Take "${key}" out.`);
}
