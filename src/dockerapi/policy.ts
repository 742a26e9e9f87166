import { decideCreate } from './policy-create.ts';
import type { FunctionCaller } from './containers.ts';
import type { Asked, Decision, Refusal } from './decision.ts';
import { isObject, type ParsedJson } from './json.ts';
import { findTargets } from './targets.ts';

/** The policy of a function's door: deny by default. Pure. */
export function decide(caller: FunctionCaller, asked: Asked): Decision {
  const refusal =
    refusePath(asked) ??
    refuseUpgrade(asked) ??
    refuseContainer(asked) ??
    refuseClosed(asked) ??
    refuseBody(asked) ??
    refuseImage(caller, asked);
  if (refusal !== undefined) return { refuse: refusal };
  if (asked.match?.route.call !== 'containerCreate') return { allow: {} };
  return decideCreate(caller, asked);
}

function refusePath({ target, match }: Asked): Refusal | undefined {
  if (target.trick !== undefined) return { field: 'path', reason: target.trick };
  if (match === undefined) return { field: 'path', reason: 'there is no such call' };
  // Whether another's container is there at all is nothing that a refusal tells.
  return match.parameters['container'] === undefined ? refuseClosed({ match }) : undefined;
}

function refuseClosed({ match }: Pick<Asked, 'match'>): Refusal | undefined {
  const functionDoor = match?.route.functionDoor ?? 'open';
  return functionDoor === 'open' ? undefined : { field: 'path', reason: functionDoor.closed };
}

function refuseUpgrade({ isUpgrade, match }: Asked): Refusal | undefined {
  if (!isUpgrade || match?.route.call === 'containerAttach') return undefined;
  return { field: 'Upgrade', reason: 'only an attach takes over the connection' };
}

function refuseBody({ body, match, target }: Asked): Refusal | undefined {
  if (body.kind === 'none') return undefined;
  if (body.kind === 'oversized') return { field: 'body', reason: `it is larger than ${body.limitBytes} bytes` };
  if (body.kind === 'malformed') return { field: 'body', reason: body.reason };
  const [duplicate] = body.create?.duplicates ?? body.parsed.duplicates;
  if (duplicate !== undefined) return { field: duplicate, reason: 'the body has it twice' };
  if (match?.route.call === 'containerCreate') return undefined;
  return repeatsQuery(body.parsed, target.query) ? undefined : { field: 'body', reason: 'this call takes none' };
}

/** dockerode sends its options in the query and once more as a body, which nobody reads. */
function repeatsQuery({ value }: ParsedJson, query: URLSearchParams): boolean {
  return value === null || (isObject(value) && Object.keys(value).every((key) => query.has(key)));
}

function refuseContainer({ match, isOwn }: Asked): Refusal | undefined {
  const container = match?.parameters['container'];
  if (container === undefined || isOwn) return undefined;
  return { field: 'container', reason: `"${container}" is not a container that this one started` };
}

function refuseImage(caller: FunctionCaller, { match, targets }: Asked): Refusal | undefined {
  const image = match?.parameters['image'];
  if (image === undefined || findTargets(image, caller.mayRun, targets).length > 0) return undefined;
  return { field: 'image', reason: `"${image}" is not in may-run of "${caller.name}"` };
}
