import { MinkeError } from '../errors/index.ts';
import type { Transport } from './transport.ts';

export interface CallOptions {
  /** How the answer is read. Default: json. */
  readonly answer?: 'json' | 'text' | 'buffer';
  /** Arguments, for a task. */
  readonly args?: readonly string[];
  /** Default: MINKE_APP, else the app `default`; inside a container always the caller's own. */
  readonly app?: string;
  readonly signal?: AbortSignal;
}

/**
 * Calls a function by name with a JSON body (none for undefined) and answers what it answered; an empty JSON answer is
 * undefined. A crash is an error of the catalogue, never an empty answer.
 */
export async function call(transport: Transport, name: string, body: unknown, options: CallOptions): Promise<unknown> {
  const { answer = 'json', args = [], app, signal } = options;
  const bytes = await transport.bytes('call', {
    parameters: { function: name },
    query: { arg: args, app },
    json: body,
    signal,
  });
  if (answer === 'buffer') return bytes;
  const text = bytes.toString();
  return answer === 'text' ? text : parse(name, text);
}

function parse(name: string, text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const reason = `its answer is not JSON: ${text.slice(0, 200)}`;
    throw new MinkeError('UPSTREAM_FAILED', { name, reason }, { cause });
  }
}
