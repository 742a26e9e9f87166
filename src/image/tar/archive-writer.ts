import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { encodeHeader, endOfArchive } from './encode-header.ts';
import { paddingAfter, type TarEntry } from './entry.ts';

/** Writes a tar archive piece by piece. What is passed to `write` holds only until `write` returns. */
export interface ArchiveWriter {
  add(entry: Omit<TarEntry, 'size'>, body?: Uint8Array): void;
  /** A file whose body is the file at `path`, as it is now. */
  addFile(entry: Omit<TarEntry, 'size'>, path: string): void;
  /** The same of a file that is open, from its beginning; what it grows by meanwhile is left out. */
  addOpen(entry: Omit<TarEntry, 'size'>, file: number): void;
  end(): void;
}

export function createArchiveWriter(write: (bytes: Uint8Array) => void): ArchiveWriter {
  const pad = (size: number): void => write(zeros.subarray(0, paddingAfter(size)));
  const addOpen: ArchiveWriter['addOpen'] = (entry, file) => {
    const { size } = fstatSync(file);
    write(encodeHeader({ ...entry, size }));
    copyBody(file, size, write, entry.name);
    pad(size);
  };
  return {
    add: (entry, body = none) => {
      write(encodeHeader({ ...entry, size: body.length }));
      write(body);
      pad(body.length);
    },
    addFile: (entry, path) => {
      const file = openSync(path, 'r');
      try {
        addOpen(entry, file);
      } finally {
        closeSync(file);
      }
    },
    addOpen,
    end: () => write(endOfArchive),
  };
}

const none = new Uint8Array(0);
const zeros = Buffer.alloc(512);
const pieceBytes = 1 << 20;

function copyBody(file: number, size: number, write: (bytes: Uint8Array) => void, path: string): void {
  const piece = Buffer.allocUnsafe(Math.min(size, pieceBytes));
  for (let done = 0; done < size;) {
    const count = readSync(file, piece, 0, Math.min(piece.length, size - done), done);
    if (count === 0) throw new Error(`${path} became shorter while it was being read`);
    write(piece.subarray(0, count));
    done += count;
  }
}
