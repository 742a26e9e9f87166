import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { MinkeError } from '../../errors/index.ts';
import { appHere, appOption } from '../app/app-request.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { usage } from '../command/parse.ts';
import { connect } from '../daemon/connect.ts';

export const command = defineCommand({
  operands: [{ name: 'FUNCTION', about: 'A function of any kind' }],
  options: {
    data: { type: 'text', value: 'JSON|@FILE|-', about: 'What to send: JSON, the content of a file, or stdin' },
    type: { type: 'text', value: 'TYPE', about: 'Content-Type of what is sent (default: application/json)' },
    arg: { type: 'list', value: 'ARG', about: 'Argument, for a task; may be repeated' },
    ...appOption,
  },
  about: 'Prints the answer as it came. A failure of the function is an error that says how it failed.',
  examples: [
    { line: `minke call count --data '{"poll": 1}'`, about: 'JSON in, JSON out' },
    { line: 'minke call resize --data @photo.jpg --type image/jpeg >small.jpg', about: 'A file in, a file out' },
  ],
  handle: async (context, { options, operands: [name = ''] }) => {
    const { api } = connect(context);
    const body = await bodyOf(context, options.data);
    const app = await appHere(context, api, options.app);
    const answer = await api.bytes('call', {
      parameters: { function: name },
      query: { arg: options.arg, app },
      signal: context.signal,
      ...(body === undefined ? {} : { body, headers: { 'content-type': options.type ?? 'application/json' } }),
    });
    if (context.isJson) return context.out.json(jsonOrText(answer.toString()));
    context.out.write(answer);
    if (context.out.isTerminal && answer.length > 0 && answer.at(-1) !== 0x0a) context.out.line();
  },
});

async function bodyOf({ cwd, signal }: Context, data: string | undefined): Promise<Buffer | undefined> {
  if (data === undefined) return undefined;
  if (data === '-') return buffer(addAbortSignal(signal, process.stdin));
  if (data.startsWith('@')) return fileAt(resolve(cwd, data.slice(1)), data);
  if (jsonOrText(data) === data) {
    throw usage(`--data is not JSON: ${data}`, `Quote text twice: --data '"text"'; a file is --data @FILE`);
  }
  return Buffer.from(data);
}

async function fileAt(path: string, data: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = `Cannot read --data ${data}: ${(cause as Error).message}`;
    throw new MinkeError('USAGE', { reason }, { cause });
  }
}

/** The text itself where it is not JSON. */
function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
