import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writevSync,
} from 'node:fs';
import { join } from 'node:path';
import { encodeHead, headBytes, segmentName, segmentNumbers, type FrameKind } from './frame.ts';

/** What is kept of each instance's output: three segments of 64 MiB; beyond that the oldest goes. */
const segmentBytes = 64 * 1024 * 1024;
const segmentsKept = 3;

/** The output of one instance, on its way to disk. Goes on after what an earlier writer left. */
export interface Recording {
  /** Throws what the file system says (ENOSPC ...), after which nothing of this call is on disk. */
  write(kind: FrameKind, bytes: Buffer): void;
  close(): void;
}

export function openRecording(folder: string, now: () => number): Recording {
  mkdirSync(folder, { recursive: true });
  let number = segmentNumbers(readdirSync(folder)).at(-1) ?? 1;
  let fd = openSync(join(folder, segmentName(number)), 'a+');
  let size = cutTornFrame(fd);

  const rotate = (): void => {
    // The old one stays open until there is a new one: with no room for that, the next write tries again.
    const next = openSync(join(folder, segmentName(number + 1)), 'a+');
    closeSync(fd);
    [fd, number, size] = [next, number + 1, 0];
    for (const old of segmentNumbers(readdirSync(folder)).slice(0, -segmentsKept))
      unlinkSync(join(folder, segmentName(old)));
  };

  return {
    write: (kind, bytes) => {
      if (size > 0 && size + headBytes + bytes.length > segmentBytes) rotate();
      const wanted = headBytes + bytes.length;
      const written = writeOrCut(fd, size, [encodeHead(kind, now(), bytes.length), bytes]);
      if (written < wanted) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      size += wanted;
    },
    close: () => closeSync(fd),
  };
}

/** A short write (the disk is full) leaves nothing of the frame. */
function writeOrCut(fd: number, size: number, parts: readonly Buffer[]): number {
  const wanted = parts.reduce((sum, part) => sum + part.length, 0);
  let written = 0;
  try {
    written = writevSync(fd, parts);
    return written;
  } finally {
    if (written < wanted) ftruncateSync(fd, size);
  }
}

/** Cuts what a killed writer left half-written; answers the size that is good. */
function cutTornFrame(fd: number): number {
  const total = fstatSync(fd).size;
  let good = 0;
  const head = Buffer.alloc(headBytes);
  while (total - good >= headBytes) {
    readSync(fd, head, 0, headBytes, good);
    const next = good + headBytes + head.readUInt32LE(9);
    if (next > total) break;
    good = next;
  }
  if (good < total) ftruncateSync(fd, good);
  return good;
}
