import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fromErrorBody } from '../errors/index.ts';
import { answerFields, parentOf, proceed, type Call } from './call.ts';
import type { TaskOutcome } from './capacity.ts';
import { readAhead } from './cgi/read-ahead.ts';
import type { Handler, HandlerParts } from './handler.ts';
import { untilAborted } from './until-aborted.ts';

/** Calls a task as if it were a function: body = stdin, repeated `?arg=` = arguments, answer = stdout of its run. */
export function createTaskHandler({ admission, capacity }: HandlerParts): Handler {
  return async (call, { target }) => {
    const { signal } = call;
    const leave = await admission.enter(target, signal);
    call.phases.admitted();
    try {
      proceed(call);
      const input = call.body ?? Readable.from([]);
      const args = new URLSearchParams(call.asked.query).getAll('arg');
      call.phases.started();
      const outcome = await untilAborted(capacity.runTask(target, { args, input, signal, ...parentOf(call) }), signal);
      call.story.run = outcome.run;
      await answer(call, outcome);
      return undefined;
    } finally {
      leave();
    }
  };
}

async function answer(call: Call, { error, exitCode, stdout }: TaskOutcome): Promise<void> {
  const { response, signal } = call;
  if (exitCode !== undefined) call.story.exitCode = exitCode;
  if (error !== undefined) {
    stdout.destroy();
    throw fromErrorBody(error);
  }
  const { seen } = await readAhead(stdout, ({ length }) => length > 0);
  signal.throwIfAborted();
  const fields = [['Content-Type', contentTypeOf(seen)], ['X-Content-Type-Options', 'nosniff'], ...answerFields(call)];
  response.writeHead(200, fields.flat());
  if (seen.length > 0) response.write(seen);
  await pipeline(stdout, response, { signal });
}

/** A task says nothing of its output's type; JSON shows itself by how it begins. */
function contentTypeOf(first: Buffer): string {
  return /^\s*[{["]/.test(first.subarray(0, 64).toString('latin1')) ? 'application/json' : 'text/plain; charset=utf-8';
}
