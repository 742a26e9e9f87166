import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { join } from 'node:path';
import { encodeHead, headBytes, kinds, segmentName, segmentNumbers, type FrameKind } from './frame.ts';

const segmentsKept = 3;

/** The output of one instance, on its way to disk. Goes on after what an earlier writer left. */
export interface Recording {
  /** Throws what the file system says (ENOSPC ...), after which nothing of this call is on disk. */
  write(kind: FrameKind, bytes: Buffer): void;
  close(): void;
}

export interface RecordingOptions {
  readonly now: () => number;
  readonly segmentBytes: number;
  /** stdout is a result: it is kept from its first byte on, however much comes on stderr, and up to so many. */
  readonly resultLimitBytes: number | undefined;
  /** Called when the result is too large; what comes on stdout from then on is dropped. */
  readonly onFull: () => void;
}

export function openRecording(
  folder: string,
  { now, segmentBytes, resultLimitBytes, onFull }: RecordingOptions,
): Recording {
  mkdirSync(folder, { recursive: true });
  const numbers = (): number[] => segmentNumbers(readdirSync(folder));
  const pathOf = (segment: number): string => join(folder, segmentName(segment));
  const isResult = resultLimitBytes !== undefined;
  let number = numbers().at(-1) ?? 1;
  let fd = openSync(pathOf(number), 'a+');
  let size = cutTornFrame(fd);
  let resultBytes = isResult ? sum(numbers().map((segment) => stdoutBytes(pathOf(segment)))) : 0;

  const rotate = (): void => {
    // The old one stays open until there is a new one: with no room for that, the next write tries again.
    const next = openSync(pathOf(number + 1), 'a+');
    closeSync(fd);
    [fd, number, size] = [next, number + 1, 0];
    const old = numbers().slice(0, -segmentsKept);
    if (!isResult) for (const segment of old) unlinkSync(pathOf(segment));
    else if (old.length > 0) keepOnlyStdout(pathOf(Math.max(...old)));
  };

  const append = (kind: FrameKind, bytes: Buffer): void => {
    if (size > 0 && size + headBytes + bytes.length > segmentBytes) rotate();
    const wanted = headBytes + bytes.length;
    const written = writeOrCut(fd, size, [encodeHead(kind, now(), bytes.length), bytes]);
    if (written < wanted) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    size += wanted;
  };

  return {
    write: (kind, bytes) => {
      if (kind !== 'stdout' || !isResult) {
        append(kind, bytes);
        return;
      }
      const room = Math.max(0, resultLimitBytes - resultBytes);
      if (room > 0) append(kind, bytes.subarray(0, room));
      const wasFull = resultBytes > resultLimitBytes;
      resultBytes += bytes.length;
      if (resultBytes > resultLimitBytes && !wasFull) onFull();
    },
    close: () => closeSync(fd),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

function stdoutBytes(path: string): number {
  const fd = openSync(path, 'r');
  try {
    return sum([...heads(fd)].filter(({ kind }) => kind === kinds.stdout).map(({ length }) => length));
  } finally {
    closeSync(fd);
  }
}

/** Whoever reads the segment meanwhile has it open and reads on in it as it was. */
function keepOnlyStdout(path: string): void {
  const aside = `${path}.new`;
  const [from, to] = [openSync(path, 'r'), openSync(aside, 'w')];
  try {
    for (const { kind, at, length } of heads(from)) {
      if (kind !== kinds.stdout) continue;
      const frame = Buffer.allocUnsafe(headBytes + length);
      readSync(from, frame, 0, frame.length, at);
      writeSync(to, frame);
    }
  } finally {
    closeSync(from);
    closeSync(to);
  }
  renameSync(aside, path);
}

/** Kind, place and length of each whole frame. */
function* heads(fd: number): Generator<{ readonly kind: number; readonly at: number; readonly length: number }> {
  const total = fstatSync(fd).size;
  const head = Buffer.alloc(headBytes);
  for (let at = 0; total - at >= headBytes;) {
    readSync(fd, head, 0, headBytes, at);
    const length = head.readUInt32LE(9);
    if (at + headBytes + length > total) return;
    yield { kind: head.readUInt8(0), at, length };
    at += headBytes + length;
  }
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
  let good = 0;
  for (const { at, length } of heads(fd)) good = at + headBytes + length;
  if (good < fstatSync(fd).size) ftruncateSync(fd, good);
  return good;
}
