import { MinkeError } from '../errors/index.ts';
import type { RestartChoice } from '../model/container.ts';
import { numberOf, objectOf, textOf } from './json-values.ts';
import type { Json } from './json.ts';

const conditions = ['no', 'on-failure', 'always', 'unless-stopped'] as const;

/** @throws BAD_REQUEST */
export function readRestartPolicy(value: Json | undefined, path: string): RestartChoice {
  const policy = objectOf(value, path);
  const name = textOf(policy['Name'], `${path}.Name`) || 'no';
  const maxRetries = numberOf(policy['MaximumRetryCount'], `${path}.MaximumRetryCount`);
  const condition = conditions.find((one) => one === name);
  if (condition === undefined) throw new MinkeError('BAD_REQUEST', { reason: `invalid restart policy '${name}'` });
  if (maxRetries < 0 || (maxRetries > 0 && condition !== 'on-failure'))
    throw new MinkeError('BAD_REQUEST', {
      reason: `maximum retry count cannot be ${maxRetries < 0 ? 'negative' : `used with restart policy '${name}'`}`,
    });
  return { condition, maxRetries };
}
