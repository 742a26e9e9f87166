import { isUtf8 } from 'node:buffer';
import { createHmac } from 'node:crypto';
import type { Run } from '../model/run.ts';

/** A call-back as it goes out. */
export interface CallbackMessage {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A longer result is asked for by who wants it. */
export const callbackResultBytes = 256 * 1024;

/**
 * Signed as Standard Webhooks has it (https://www.standardwebhooks.com, "Webhook signature"): the run's id is the message's, so that a
 * receiver knows what it was told before. What the run was given in confidence, its variables, stays here.
 *
 * @param result undefined where it has none, or one that is too long
 * @param now Unix milliseconds
 */
export function callbackMessage(
  run: Run,
  result: Buffer | undefined,
  secret: Uint8Array,
  now: number,
): CallbackMessage {
  const { env: _env, options: _options, callback: _callback, ...told } = run;
  const body = JSON.stringify({ run: told, ...(result === undefined ? {} : resultOf(result)) });
  const timestamp = String(Math.floor(now / 1000));
  const signature = createHmac('sha256', secret).update(`${run.id}.${timestamp}.${body}`).digest('base64');
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'minke',
      'webhook-id': run.id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
  };
}

const resultOf = (bytes: Buffer): { readonly result: string; readonly resultEncoding: 'utf8' | 'base64' } => {
  const resultEncoding = isUtf8(bytes) ? 'utf8' : 'base64';
  return { result: bytes.toString(resultEncoding), resultEncoding };
};
