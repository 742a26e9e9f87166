import { addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ProgressLine } from '../../api/types.ts';
import { appHere, appOption } from '../app/app-request.ts';
import { containerFlags, containerOf, environmentOf } from '../app/container-flags.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { parseDuration } from '../command/duration.ts';
import { countOf } from '../command/count.ts';
import { followProgress } from '../app/follow-progress.ts';
import { endingOf } from '../app/run-ending.ts';
import { writeChunk } from '../app/write-chunk.ts';
import { connect } from '../daemon/connect.ts';
import { createProgress } from '../terminal/progress.ts';
import type { Minke } from '../../sdk/minke.ts';
import { targetOf, type RunOptions } from '../../sdk/run.ts';
import type { RetryRules } from '../../sdk/types.ts';
import type { LogChunk } from '../../sdk/runs.ts';
import type { Transport } from '../../sdk/transport.ts';

export const command = defineCommand({
  operands: [
    { name: 'TARGET', about: 'A function; with a / : or @ in it an image, as in alpine:3' },
    { name: 'ARG', isOptional: true, isMany: true, about: 'Its arguments, passed on as they are' },
  ],
  stopsAtOperand: true,
  options: {
    detach: { type: 'flag', short: 'd', about: 'Print the id of the run and come back' },
    interactive: { type: 'flag', short: 'i', about: 'Pass stdin on, all of it before the start' },
    env: { type: 'list', short: 'e', value: 'K=V', about: 'Environment variable; K alone takes its value from here' },
    timeout: { type: 'text', value: '30s', about: 'End it after this time' },
    delay: { type: 'text', value: '10m', about: 'Begin it after this time, and not before' },
    retries: { type: 'text', value: 'N', about: 'Try it so often again when it fails (default: as its app file says)' },
    callback: { type: 'text', value: 'URL', about: 'Tell this address of its end; it is tried for a day' },
    ...containerFlags,
    ...appOption,
  },
  about: `Shows stdout and stderr as they come and exits with the container's own code. Ctrl-C cancels the run.
Options stand before TARGET; what follows it belongs to the container.`,
  examples: [
    { line: 'minke run record-vote alice a', about: 'A function of the app here, to its end' },
    { line: 'minke run -d record-vote alice a', about: 'Only its id; see minke runs' },
    { line: 'minke run alpine:3 ls -l', about: 'A container of an image' },
    { line: 'minke run -i word-count <book.txt', about: 'With input' },
    {
      line: 'minke run --memory 256m --cpus 0.5 -v /data:/data:ro alpine:3 ls /data',
      about: 'With limits and a folder',
    },
  ],
  handle: async (context, { options, operands: [target = '', ...args] }) => {
    const { api, minke } = connect(context);
    const isImage = 'image' in targetOf(target);
    const app = isImage ? options.app : await appHere(context, api, options.app);
    const request: RunOptions = {
      env: environmentOf(options.env, context.env),
      container: containerOf(options),
      ...(app === undefined ? {} : { app }),
      ...(options.timeout === undefined ? {} : { timeout: parseDuration('--timeout', options.timeout) }),
      ...(options.delay === undefined
        ? {}
        : { notBefore: new Date(Date.now() + parseDuration('--delay', options.delay)) }),
      ...(options.retries === undefined ? {} : { retries: retriesOf(options.retries) }),
      ...(options.callback === undefined ? {} : { callback: options.callback }),
      ...(options.interactive ? { input: await buffer(addAbortSignal(context.signal, process.stdin)) } : {}),
    };
    context.signal.throwIfAborted();
    if (isImage && context.err.isTerminal) await bringImage(context, api, target);
    const { id } = await minke.run(target, args, { ...request, detach: true });
    if (!options.detach) return follow(context, minke, id);
    if (context.isJson) context.out.json({ id });
    else context.out.line(id);
    return 0;
  },
});

/** With the pauses of an app file that names none. */
const retriesOf = (text: string): RetryRules => ({
  max: text === '0' ? 0 : countOf('--retries', text),
  firstMs: 1000,
  longestMs: 60_000,
});

/** The run itself would bring it as well, but could not tell how far it is. */
async function bringImage(context: Context, api: Transport, reference: string): Promise<void> {
  const query = { reference, missing: true };
  const lines = api.lines<ProgressLine>('imagePull', { query, signal: context.signal });
  await followProgress(lines, createProgress(context.err));
}

/** To the end of the run, with its output as it comes. A break cancels the run and still shows what it had to say. */
async function follow(context: Context, minke: Minke, id: string): Promise<number> {
  const onAbort = (): void => void minke.runs.cancel(id).catch(() => undefined);
  context.signal.addEventListener('abort', onAbort, { once: true });
  if (context.signal.aborted) onAbort();
  const kept: LogChunk[] = [];
  for await (const chunk of minke.runs.logs(id, { follow: true })) {
    if (context.isJson) kept.push(chunk);
    else await writeChunk(context, chunk);
  }
  const run = await minke.runs.wait(id);
  if (context.isJson) {
    context.out.json({ run, stdout: textOf(kept, 'stdout'), stderr: textOf(kept, 'stderr') });
  }
  context.signal.throwIfAborted();
  return endingOf(context, run);
}

const textOf = (chunks: readonly LogChunk[], stream: LogChunk['stream']): string =>
  Buffer.concat(chunks.filter((chunk) => chunk.stream === stream).map(({ data }) => data)).toString();
