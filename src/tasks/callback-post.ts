import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type * as NodeHttps from 'node:https';
import { http } from '../linux/node-http.ts';
import type { CallbackMessage } from './callback-message.ts';

/**
 * One POST on a connection of its own. Resolves with the status, whatever it is: a redirect is followed nowhere, since only the
 * address that was named is known to be meant. Rejects where there is no answer before the signal aborts.
 */
export async function postCallback(url: string, message: CallbackMessage, signal: AbortSignal): Promise<number> {
  const { body, headers } = message;
  const { request } = url.startsWith('https:') ? https() : http;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const length = { 'content-length': String(Buffer.byteLength(body)) };
    const asking = request(url, { method: 'POST', agent: false, headers: { ...headers, ...length }, signal }, resolve);
    asking.on('error', reject);
    asking.end(body);
  });
  answer.on('error', () => undefined);
  // What it says beyond its status is read away, and ends with the signal at the latest.
  answer.resume();
  return answer.statusCode ?? 0;
}

/** Only loaded where it is asked for, as `node:http` is. */
const https = (): typeof NodeHttps => createRequire(import.meta.url)('node:https') as typeof NodeHttps;
