import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { RunError } from './run-error.ts';
import { createRuns, type LogChunk, type RunAnswer, type Runs } from './runs.ts';
import type { Transport } from './transport.ts';
import type { ContainerOptions, RetryRules, Run } from './types.ts';
import { splitWords } from './words.ts';

/** A name is a function of the app; what has a `/`, `:` or `@` in it, or is given as `{image}`, is an image. */
export type Target = string | { readonly image: string } | { readonly function: string };

/** A string is split as a shell would, quotes and all, but nothing in it is expanded. */
export type Arguments = string | readonly string[];

export interface RunOptions {
  /** true: answers `{id}` as soon as the run is accepted, which then can no longer be lost. */
  readonly detach?: boolean;
  /** What the answer holds. Default: stdout and not stderr; both come in the order in which they were written. */
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** Default: utf8, a string. */
  readonly encoding?: 'utf8' | 'buffer';
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds that the run may take from its start; default: the function's own, none for an image. */
  readonly timeout?: number;
  /** Its abort cancels the run and rejects with the signal's reason. Without effect on an accepted detached run. */
  readonly signal?: AbortSignal;
  /** For stdin. */
  readonly input?: string | Uint8Array;
  /** Default: MINKE_APP, else the app `default`; inside a container always the caller's own. */
  readonly app?: string;
  /** The same key within 24 h answers the same run again, so that a call may be repeated. */
  readonly idempotencyKey?: string;
  /** Not before this moment. */
  readonly notBefore?: Date;
  /** Default: the function's own. */
  readonly retries?: RetryRules;
  /** Milliseconds until it must have begun; default: the function's own. */
  readonly maxAge?: number;
  /** URL that is told of its end, whatever it is; default: the function's own. Refused inside a container. */
  readonly callback?: string;
  readonly container?: ContainerOptions;
}

/** Starts a run and answers what it wrote, or its id. Rejects with RunError when it does not succeed. */
export async function run(
  transport: Transport,
  target: Target,
  args: Arguments,
  options: RunOptions,
): Promise<string | Buffer | { id: string }> {
  options.signal?.throwIfAborted();
  const accepted = accept(transport, target, args, options);
  if (options.detach === true) return { id: (await accepted).id };
  const output = await unlessAborted(transport, accepted, options.signal, async ({ id }) =>
    outputOf(createRuns(transport), id, options),
  );
  return options.encoding === 'buffer' ? output : output.toString();
}

async function accept(transport: Transport, target: Target, args: Arguments, options: RunOptions): Promise<Run> {
  const { env, timeout, input, app, notBefore, retries, maxAge, callback, container } = options;
  const answer = await transport.json<RunAnswer>('runs', {
    headers: { 'idempotency-key': options.idempotencyKey ?? randomUUID() },
    json: {
      app,
      target: targetOf(target),
      args: typeof args === 'string' ? splitWords(args) : args,
      env,
      timeoutMs: timeout,
      notBefore: notBefore?.getTime(),
      retries,
      maxAgeMs: maxAge,
      callback: callback === undefined ? undefined : { url: callback },
      options: container,
      input: input === undefined ? undefined : Buffer.from(input).toString('base64'),
    },
  });
  return answer.run;
}

export function targetOf(target: Target): { image: string } | { function: string } {
  if (typeof target !== 'string') return target;
  return /[/:@]/.test(target) ? { image: target } : { function: target };
}

async function outputOf(runs: Runs, id: string, options: RunOptions): Promise<Buffer> {
  const { stdout = true, stderr = false, signal } = options;
  const settled = await runs.wait(id, signal === undefined ? {} : { signal });
  if (settled.state !== 'succeeded') throw await failureOf(runs, settled);
  if (!stderr) return stdout ? runs.result(id) : Buffer.alloc(0);
  return Buffer.concat((await chunksOf(runs, id, stdout)).map(({ data }) => data));
}

/** The failure counts more than its output: where that cannot be read, it is told without. */
async function failureOf(runs: Runs, settled: Run): Promise<RunError> {
  const chunks = await chunksOf(runs, settled.id, true).catch(() => []);
  const only = (stream: LogChunk['stream']): Buffer =>
    Buffer.concat(chunks.filter((chunk) => chunk.stream === stream).map(({ data }) => data));
  return new RunError(settled, { stdout: only('stdout'), stderr: only('stderr') });
}

async function chunksOf(runs: Runs, id: string, stdout: boolean): Promise<LogChunk[]> {
  const chunks: LogChunk[] = [];
  for await (const chunk of runs.logs(id, { stdout, stderr: true })) chunks.push(chunk);
  return chunks;
}

/** Milliseconds that an abort waits for the daemon to take the cancel. */
const cancelGraceMs = 2_000;

/** An abort ends the run, wherever it is by then, before it is told to the caller. */
async function unlessAborted<T>(
  transport: Transport,
  accepted: Promise<Run>,
  signal: AbortSignal | undefined,
  act: (run: Run) => Promise<T>,
): Promise<T> {
  try {
    return await act(await orAbort(accepted, signal));
  } catch (error) {
    if (signal?.aborted !== true) throw error;
    const cancelled = accepted.then(({ id }) => createRuns(transport).cancel(id)).catch(() => undefined);
    await Promise.race([cancelled, delay(cancelGraceMs, undefined, { ref: false })]);
    throw signal.reason;
  }
}

function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
