import { watch } from 'node:fs';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MinkeError } from '../../../errors/index.ts';
import { shortId } from '../../../model/ids.ts';
import type { LogChunk, LogOptions } from '../../engine.ts';
import { decodeFrames, headBytes, segmentName, segmentNumbers, type Frame } from './frame.ts';

const readBytes = 256 * 1024;

/**
 * What the log writer recorded, from the oldest segment on. With `follow` it waits for more until the end frame; without,
 * it gives what is there. An instance without records gives nothing.
 */
export async function* readLog(folder: string, options: LogOptions): AsyncGenerator<LogChunk> {
  const streams = options.streams ?? ['stdout', 'stderr'];
  if (options.isWhole === true && ((await segments(folder))[0] ?? 1) > 1) {
    throw new MinkeError('RESULT_TOO_LARGE', { name: shortId(basename(folder)), limit: 'newest output' });
  }
  for await (const frame of frames(folder, options.follow === true, options.signal)) {
    if (frame.kind === 'end') return;
    if (streams.includes(frame.kind)) yield { stream: frame.kind, at: frame.at, bytes: frame.bytes };
  }
}

/** On disk; nothing where nothing was recorded. */
export async function keptBytes(folder: string): Promise<number> {
  const sizes = (await segments(folder)).map(async (number) => (await stat(join(folder, segmentName(number)))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function* frames(folder: string, isFollowing: boolean, signal: AbortSignal | undefined): AsyncGenerator<Frame> {
  const changes = isFollowing ? watchFolder(folder, signal) : undefined;
  try {
    let number = await firstSegment(folder, changes, signal);
    while (number !== undefined && signal?.aborted !== true) {
      const file = await open(join(folder, segmentName(number)), 'r');
      try {
        yield* framesOf(file, folder, number, changes, signal);
      } finally {
        await file.close();
      }
      number = (await segments(folder)).find((other) => other > (number as number));
    }
  } finally {
    changes?.close();
  }
}

/** Frames of one segment, waiting for more while it is the newest. */
async function* framesOf(
  file: FileHandle,
  folder: string,
  number: number,
  changes: Changes | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Frame> {
  let position = 0;
  for (;;) {
    const seen = changes?.count() ?? 0;
    // Asked before reading: when a newer one exists, this one no longer grows and its end is its end.
    const isOld = (await segments(folder)).some((other) => other > number);
    let taken = 0;
    do {
      const batch = await readFrames(file, position);
      ({ taken } = batch);
      position += taken;
      yield* batch.frames;
    } while (taken > 0);
    if (isOld || changes === undefined || signal?.aborted === true) return;
    await changes.after(seen);
  }
}

async function readFrames(
  file: FileHandle,
  position: number,
): Promise<{ readonly frames: readonly Frame[]; readonly taken: number }> {
  let buffer = Buffer.allocUnsafe(readBytes);
  let { bytesRead } = await file.read(buffer, 0, buffer.length, position);
  const decoded = decodeFrames(buffer.subarray(0, bytesRead));
  if (decoded.taken > 0 || bytesRead < headBytes) return decoded;
  const whole = headBytes + buffer.readUInt32LE(9);
  if (whole <= buffer.length) return decoded;
  buffer = Buffer.allocUnsafe(whole);
  ({ bytesRead } = await file.read(buffer, 0, whole, position));
  return decodeFrames(buffer.subarray(0, bytesRead));
}

async function firstSegment(
  folder: string,
  changes: Changes | undefined,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  for (;;) {
    const seen = changes?.count() ?? 0;
    const [first] = await segments(folder);
    if (first !== undefined || changes === undefined || signal?.aborted === true) return first;
    await changes.after(seen);
  }
}

async function segments(folder: string): Promise<number[]> {
  try {
    return segmentNumbers(await readdir(folder));
  } catch {
    return [];
  }
}

interface Changes {
  count(): number;
  /** Resolves once more than `seen` changes happened, or on abort. */
  after(seen: number): Promise<void>;
  close(): void;
}

function watchFolder(folder: string, signal: AbortSignal | undefined): Changes {
  let changes = 0;
  let wake = Promise.withResolvers<void>();
  const changed = (): void => {
    changes += 1;
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  const watcher = watch(folder, changed);
  watcher.on('error', changed);
  signal?.addEventListener('abort', changed, { once: true });
  return {
    count: () => changes,
    after: async (seen) => {
      if (changes === seen) await wake.promise;
    },
    close: () => {
      watcher.close();
      signal?.removeEventListener('abort', changed);
    },
  };
}
