import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { MinkeError } from '../../errors/index.ts';
import type { Descriptor } from '../layout/manifest.ts';
import { mismatch, unreachable } from './fetch-manifest.ts';
import type { HttpAnswer } from './http.ts';
import type { Session } from './session.ts';

export interface DownloadOptions {
  readonly signal: AbortSignal | undefined;
  /** Called with the bytes that came since the last call; negative where a server began again. */
  readonly onBytes: (count: number) => void;
  /** Waited before each further attempt; as many as there are. An attempt that brought something does not count. */
  readonly retryDelaysMs: readonly number[];
}

/**
 * Puts a blob into the file, exactly as long as its descriptor says. A broken transfer goes on where it broke off (Range), or
 * from the start where the registry knows no ranges. Its digest is checked by whoever reads the file.
 */
export async function download(
  session: Session,
  blob: Descriptor,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  const { signal, retryDelaysMs } = options;
  const file = await open(path, 'wx', 0o600);
  try {
    let done = 0;
    let failures = 0;
    for (let attempts = 1; done < blob.size || attempts === 1; attempts += 1) {
      const before = done;
      try {
        done = await append(session, blob, { file, done }, options);
      } catch (error) {
        if (!(error instanceof BrokenOff)) throw error;
        done = error.done;
        failures = done > before ? 0 : failures + 1;
        const waitMs = retryDelaysMs[failures];
        if (waitMs === undefined || attempts === maxAttempts) throw unreachable(session, error.cause, signal);
        await delay(waitMs, undefined, { signal });
      }
    }
  } finally {
    await file.close();
  }
}

/** However often it goes on, a transfer that breaks so many times will not end. */
const maxAttempts = 100;

/** A transfer that ended early; `done` bytes of the blob are in the file. */
class BrokenOff extends Error {
  readonly done: number;

  constructor(done: number, cause: unknown) {
    super('The transfer broke off', { cause });
    this.done = done;
  }
}

interface Begun {
  readonly file: FileHandle;
  readonly done: number;
}

/** Answers how much of the blob is in the file now: all of it. */
async function append(session: Session, blob: Descriptor, begun: Begun, options: DownloadOptions): Promise<number> {
  const headers = begun.done === 0 ? {} : { range: `bytes=${begun.done}-` };
  const answer = await ask(session, blob, headers, begun.done, options.signal);
  let done = continuesAt(answer, begun.done) ? begun.done : 0;
  options.onBytes(done - begun.done);
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      if (done + chunk.length > blob.size) throw tooLong(session, blob);
      await begun.file.write(chunk, 0, chunk.length, done);
      done += chunk.length;
      options.onBytes(chunk.length);
    }
  } catch (cause) {
    if (cause instanceof MinkeError || isDiskError(cause) || options.signal?.aborted === true) throw cause;
    throw new BrokenOff(done, cause);
  }
  if (done < blob.size) throw new BrokenOff(done, new Error(`it ended after ${done} of ${blob.size} bytes`));
  return done;
}

async function ask(
  session: Session,
  { digest }: Descriptor,
  headers: Readonly<Record<string, string>>,
  done: number,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> {
  try {
    return await session.get(`blobs/${digest}`, headers, signal);
  } catch (cause) {
    // The first time nobody is there; later one was, and may be again.
    if (done > 0 && cause instanceof MinkeError && cause.code === 'REGISTRY_UNREACHABLE')
      throw new BrokenOff(done, cause);
    throw cause;
  }
}

const continuesAt = ({ status, headers }: HttpAnswer, done: number): boolean =>
  status === 206 && (headers['content-range'] ?? '').startsWith(`bytes ${done}-`);

const isDiskError = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '');

const tooLong = (session: Session, { digest, size }: Descriptor): MinkeError =>
  mismatch(session, digest, `longer than the ${size} bytes that its manifest names`);
