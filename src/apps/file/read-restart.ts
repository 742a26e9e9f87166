import type { RestartBounds, ServiceModel } from '../../model/app.ts';
import { defined } from './defined.ts';
import { openMap, type Fields, type Reader } from './fields.ts';
import { restartPolicyKeys } from './keys.ts';
import type { Place } from './node.ts';
import type { Problems } from './problems.ts';
import { readDuration, readInteger, readOneOf } from './readers.ts';

export interface ReadRestart {
  readonly policy: ServiceModel['restart'];
  readonly bounds: RestartBounds;
  readonly at: Place;
}

/** `restart`, or `deploy.restart_policy`; undefined when neither is there. */
export function readRestart(service: Fields, deploy: Fields | undefined, problems: Problems): ReadRestart | undefined {
  const short = service.read('restart', readPolicy);
  const policy = deploy?.read('restart_policy', readDeployed);
  if (deploy !== undefined && policy !== undefined && short !== undefined) {
    const mend = 'Keep one of the two.';
    problems.badValue(deploy.placeOf('restart_policy'), 'a second policy', '"restart" says it already', mend);
  }
  if (short !== undefined) return { ...short, at: service.node('restart')?.at ?? service.at };
  return deploy === undefined || policy === undefined ? undefined : { ...policy, at: deploy.placeOf('restart_policy') };
}

type Policy = Pick<ReadRestart, 'policy' | 'bounds'>;

const readPolicy: Reader<Policy> = (node, problems) => {
  const most = node.kind === 'scalar' ? /^on-failure:(\d{1,9})$/.exec(node.text)?.[1] : undefined;
  if (most !== undefined) return { policy: 'on-failure', bounds: { maxAttempts: Number(most) } };
  const policy = readOneOf(['no', 'on-failure', 'always', 'unless-stopped'])(node, problems);
  return policy === undefined ? undefined : { policy, bounds: {} };
};

const conditions = { none: 'no', 'on-failure': 'on-failure', any: 'always' } as const;

const readCondition = readOneOf(['none', 'on-failure', 'any']);

const readDeployed: Reader<Policy> = (node, problems) => {
  const fields = openMap(node, restartPolicyKeys, problems);
  if (fields === undefined) return undefined;
  const condition = fields.read('condition', readCondition) ?? 'any';
  const bounds = defined({
    maxAttempts: fields.read('max_attempts', readInteger(0)),
    delayMs: fields.read('delay', readDuration),
    windowMs: fields.read('window', readDuration),
  });
  return { policy: conditions[condition], bounds };
};
