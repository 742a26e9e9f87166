import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Bytes that can be read by position. */
export interface ByteSource {
  readonly size: number;
  /** A view that holds until the next `read`. */
  read(offset: number, length: number): Buffer;
}

/** A file as a byte source, read in windows so that a walk over many small entries costs few system calls. */
export function openByteSource(path: string): ByteSource & Disposable {
  const file = openSync(path, 'r');
  const { size } = fstatSync(file);
  let window = Buffer.alloc(windowBytes);
  let start = 0;
  let filled = 0;
  const fill = (offset: number, length: number): void => {
    if (length > window.length) window = Buffer.alloc(length);
    start = offset;
    filled = readSync(file, window, 0, window.length, offset);
  };
  return {
    size,
    read: (offset, length) => {
      if (offset < start || offset + length > start + filled) fill(offset, length);
      const from = offset - start;
      return window.subarray(from, Math.min(from + length, filled));
    },
    [Symbol.dispose]: () => closeSync(file),
  };
}

const windowBytes = 256 * 1024;

/** Everything from `offset` on, `length` bytes long, in pieces that hold until the next one is asked for. */
export function* readPieces(source: ByteSource, offset: number, length: number): Generator<Buffer> {
  for (let done = 0; done < length;) {
    const piece = source.read(offset + done, Math.min(windowBytes, length - done));
    if (piece.length === 0) throw new Error('The file became shorter while it was being read');
    yield piece;
    done += piece.length;
  }
}
