import type { IncomingMessage } from 'node:http';
import { MinkeError } from '../errors/index.ts';
import type { TimelineEvent } from '../model/timeline.ts';
import type { Call, Desk } from './call.ts';
import type { Caller, FunctionCaller } from './containers.ts';
import { readCreateBody } from './create-body.ts';
import type { Asked, AskedBody, Decision } from './decision.ts';
import { planOperatorCreate } from './operator-create.ts';
import { decide } from './policy.ts';
import { functionLimitBytes, operatorLimitBytes, readJsonBody } from './request-body.ts';
import type { RouteMatch } from './routes.ts';
import type { Target } from './target.ts';

/** A request whose path was read. */
export interface Knock {
  readonly request: IncomingMessage;
  readonly target: Target;
  /** undefined: there is no such call. */
  readonly match: RouteMatch | undefined;
  readonly isUpgrade: boolean;
}

export type Admitted = Pick<Call, 'create'>;

/** Takes the one line of the audit that each decision is. */
export type Audit = (event: TimelineEvent) => void;

/** Reads the body, if the call has one that is not a stream. */
export async function readBody(caller: Caller, knock: Knock): Promise<AskedBody> {
  const call = knock.match?.route.call;
  const isInput = call === 'containerAttach' && knock.request.headers['transfer-encoding'] !== undefined;
  const isRead = knock.match?.route.hasBody === true || (caller.door === 'function' && !isInput);
  if (!isRead || knock.isUpgrade) return { kind: 'none' };
  const body = await readJsonBody(knock.request, caller.door === 'function' ? functionLimitBytes : operatorLimitBytes);
  return call === 'containerCreate' && body.kind === 'json' ? { ...body, create: readCreateBody(body.parsed) } : body;
}

/**
 * Lets the request in or not. At the operator's door nothing is forbidden; what is not possible is said.
 *
 * @throws POLICY_REFUSED and, at both doors, whatever is wrong with the request
 */
export async function admit(
  desk: Desk,
  audit: Audit,
  caller: Caller,
  knock: Knock,
  body: AskedBody,
): Promise<Admitted> {
  if (knock.isUpgrade && knock.request.headers['transfer-encoding'] !== undefined) {
    throw new MinkeError('BAD_REQUEST', { reason: 'a connection that is taken over cannot have a chunked body' });
  }
  if (caller.door === 'function') return admitFunction(desk, audit, caller, knock, body);
  if (knock.match?.route.call !== 'containerCreate') return {};
  return { create: planOperatorCreate(body, knock.target.query.get('name') ?? '') };
}

async function admitFunction(
  desk: Desk,
  audit: Audit,
  caller: FunctionCaller,
  knock: Knock,
  body: AskedBody,
): Promise<Admitted> {
  const decision = decide(caller, await ask(desk, caller, knock, body));
  audit(lineOf(desk, caller, knock, decision));
  if ('allow' in decision) return decision.allow;
  throw new MinkeError('POLICY_REFUSED', { ...decision.refuse });
}

/** All that the decision needs, looked up beforehand. */
async function ask({ containers }: Desk, caller: FunctionCaller, knock: Knock, body: AskedBody): Promise<Asked> {
  const { match, target, isUpgrade } = knock;
  const container = match?.parameters['container'];
  const isCreate = match?.route.call === 'containerCreate';
  const needsTargets = isCreate || match?.parameters['image'] !== undefined;
  return {
    target,
    match,
    isUpgrade,
    body,
    targets: needsTargets ? await containers.functions(caller.app) : [],
    lineage: isCreate ? await containers.lineage(caller.instance) : { depth: 0, living: 0 },
    isOwn: container !== undefined && (await containers.find(container, { parent: caller.instance })) !== undefined,
  };
}

function lineOf({ clock }: Desk, caller: FunctionCaller, { request, match }: Knock, decision: Decision): TimelineEvent {
  const target = 'allow' in decision ? decision.allow.create?.function : undefined;
  return {
    at: clock.now(),
    kind: 'door',
    app: caller.app,
    name: caller.name,
    instance: caller.instance,
    facts: {
      method: request.method,
      path: request.url,
      ...(match?.parameters['container'] !== undefined && { container: match.parameters['container'] }),
      ...(target !== undefined && { target }),
      ...('refuse' in decision ? { allowed: false, ...decision.refuse } : { allowed: true }),
    },
  };
}
