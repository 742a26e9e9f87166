import type { FunctionCaller } from './containers.ts';
import type { CreateBody, PresentField } from './create-body.ts';
import type { Asked, Decision, Refusal } from './decision.ts';
import { isObject, type JsonObject } from './json.ts';
import { findTargets } from './targets.ts';
import { translateCreate } from './translate.ts';

/** Generations below a call that came from outside. */
export const maxDepth = 8;
/** Living descendants of one call that came from outside. */
export const maxLiving = 100;

/** What a function may create: its own choice of arguments for a target that its app file names. Pure. */
export function decideCreate(caller: FunctionCaller, asked: Asked): Decision {
  if (asked.body.kind !== 'json' || asked.body.create === undefined)
    return refuse('body', 'containers/create takes a JSON object');
  const { create } = asked.body;
  const refusal = refuseKeys(create) ?? refuseFields(create) ?? refuseNetwork(create.value);
  if (refusal !== undefined) return { refuse: refusal };
  const container = translateCreate(withoutWritten(create), asked.target.query.get('name') ?? '');
  const [target, ...others] = findTargets(container.image, caller.mayRun, asked.targets);
  if (target === undefined) return refuse('Image', `"${container.image}" is not in may-run of "${caller.name}"`);
  if (others.length > 0)
    return refuse(
      'Image',
      `"${container.image}" is the image of "${[target, ...others].join('" and "')}"; name the function`,
    );
  const flood = refuseFlood(asked);
  return flood === undefined ? { allow: { create: { ...container, function: target } } } : { refuse: flood };
}

function refuseKeys({ miscased, unknown }: CreateBody): Refusal | undefined {
  const [strange] = unknown;
  if (strange !== undefined) return { field: strange.path, reason: "it is not a key of Docker's" };
  const [wrong] = miscased;
  return wrong === undefined ? undefined : { field: wrong, reason: "its upper and lower case are not Docker's" };
}

function refuseFields({ present }: CreateBody): Refusal | undefined {
  const closed = present.find(({ field }: PresentField) => field.use === 'operator' || field.use === 'refused');
  return closed === undefined ? undefined : { field: closed.path, reason: closed.field.reason };
}

/** Minke writes the network, but who asks for the host's or another container's is told, not humoured. */
function refuseNetwork(body: JsonObject): Refusal | undefined {
  const host = body['HostConfig'];
  const mode = isObject(host) ? host['NetworkMode'] : undefined;
  if (typeof mode !== 'string' || !/^(host$|container:|ns:)/i.test(mode)) return undefined;
  return { field: 'HostConfig.NetworkMode', reason: `"${mode}" is outside of the app's network` };
}

/** The body without the fields that minke writes itself. */
function withoutWritten({ value, present }: CreateBody): JsonObject {
  const gone = new Set(present.filter(({ field }) => field.use === 'written').map(({ path }) => path));
  const keep = (object: JsonObject, prefix: string): JsonObject =>
    Object.fromEntries(Object.entries(object).filter(([key]) => !gone.has(`${prefix}${key}`)));
  const host = value['HostConfig'];
  const kept = keep(value, '');
  return isObject(host) ? { ...kept, HostConfig: keep(host, 'HostConfig.') } : kept;
}

export function refuseFlood({ lineage }: Pick<Asked, 'lineage'>): Refusal | undefined {
  if (lineage.depth + 1 > maxDepth)
    return { field: 'lineage', reason: `containers start containers ${maxDepth} deep at most` };
  if (lineage.living >= maxLiving)
    return { field: 'lineage', reason: `one call has ${maxLiving} living descendants at most` };
  return undefined;
}

const refuse = (field: string, reason: string): Decision => ({ refuse: { field, reason } });
