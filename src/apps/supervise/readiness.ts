import type { Socket } from 'node:net';
import type { Instance, LogChunk } from '../../engines/engine.ts';
import { MinkeError } from '../../errors/index.ts';
import type { Clock } from '../../observe/clock.ts';

export interface ReadySubject {
  readonly name: string;
  readonly instance: Pick<Instance, 'address' | 'exited'>;
  /** The service's first port; without one it is ready when it runs. */
  readonly port: number | undefined;
}

export interface ReadyMeans {
  readonly clock: Clock;
  /** Networks.connect of the app. */
  readonly connect: (address: string, port: number, signal: AbortSignal) => Promise<Socket>;
  /** What it wrote last, for the error. */
  readonly lastLines?: () => Promise<readonly string[]>;
  readonly signal?: AbortSignal;
  /** Default 60 s. */
  readonly limitMs?: number;
}

/**
 * Resolves when the service's port accepts a connection. Rejects with INSTANCE_START_FAILED when the instance ends first, with
 * INSTANCE_START_TIMEOUT when time is up (the instance is left to the caller), with the signal's reason on abort.
 */
export async function waitReady(subject: ReadySubject, means: ReadyMeans): Promise<void> {
  const { address, exited } = subject.instance;
  const { port } = subject;
  if (port === undefined || address === undefined) return;
  const { clock, limitMs = 60_000 } = means;
  const over = new AbortController();
  const signal = means.signal === undefined ? over.signal : AbortSignal.any([over.signal, means.signal]);
  try {
    const end = await Promise.race([
      exited,
      untilAccepted((one) => means.connect(address, port, one), clock, signal),
      clock.sleep(limitMs, signal).then(() => 'late' as const),
    ]);
    if (end === 'late') throw await late(subject, means, limitMs);
    if (end !== 'ready') throw await ended(subject, means, end.code);
  } catch (error) {
    means.signal?.throwIfAborted();
    throw error;
  } finally {
    over.abort();
  }
}

/** Long enough for a slow host, short enough that a lost packet does not decide. */
const attemptMs = 1000;
const pauseMs = { first: 5, last: 200 } as const;

async function untilAccepted(
  connect: (signal: AbortSignal) => Promise<Socket>,
  clock: Clock,
  signal: AbortSignal,
): Promise<'ready'> {
  for (let pause: number = pauseMs.first; ; pause = Math.min(pause * 1.5, pauseMs.last)) {
    if (await isAccepted(connect, clock, signal)) return 'ready';
    signal.throwIfAborted();
    await clock.sleep(pause, signal);
  }
}

async function isAccepted(
  connect: (signal: AbortSignal) => Promise<Socket>,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const attempt = connect(either).then(
    (socket) => {
      socket.on('error', () => undefined).destroy();
      return true;
    },
    () => false,
  );
  const limit = clock.sleep(attemptMs, either).then(
    () => false,
    () => false,
  );
  const isOpen = await Promise.race([attempt, limit]);
  over.abort();
  return isOpen;
}

async function late({ name }: ReadySubject, means: ReadyMeans, limitMs: number): Promise<MinkeError> {
  return new MinkeError('INSTANCE_START_TIMEOUT', { name, seconds: limitMs / 1000, ...(await logFact(means)) });
}

async function ended({ name }: ReadySubject, means: ReadyMeans, code: number): Promise<MinkeError> {
  const { log } = await logFact(means);
  const reason = `it ended with exit code ${code} before it was ready${log === undefined ? '' : `: ${log}`}`;
  return new MinkeError('INSTANCE_START_FAILED', { name, reason });
}

async function logFact({ lastLines }: ReadyMeans): Promise<{ readonly log?: string }> {
  const lines = (await lastLines?.()) ?? [];
  return lines.length === 0 ? {} : { log: lines.join('\n') };
}

/** The last lines of a log, however long it is. */
export async function lastLinesOf(chunks: AsyncIterable<LogChunk>, count = 10): Promise<readonly string[]> {
  let kept = Buffer.alloc(0);
  for await (const { bytes } of chunks) kept = Buffer.concat([kept, bytes]).subarray(-16 * 1024);
  return kept
    .toString('utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-count);
}
