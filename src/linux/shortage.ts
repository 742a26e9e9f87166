import { statfsSync } from 'node:fs';
import { MinkeError, toMinkeError } from '../errors/index.ts';

export interface ShortOf {
  /** What could not be written, for the text: "an image". */
  readonly what: string;
  /** Ends the sentence "Cannot ...". */
  readonly action: string;
  /** Where it was written; the one with least room is named. */
  readonly folders: readonly string[];
}

/**
 * A failure for want of disk, descriptors or processes, in words of the catalogue and with what is left; anything else as it
 * is. Programs that minke runs tell of it in their own words, which are those of strerror(3).
 */
export function nameShortage(thrown: unknown, { what, action, folders }: ShortOf): unknown {
  const kind = shortageOf(thrown);
  if (kind === undefined) return thrown;
  if (kind !== 'OUT_OF_DISK') return new MinkeError(kind, { action }, { cause: thrown });
  return new MinkeError('OUT_OF_DISK', { what, ...fullest(folders) }, { cause: thrown });
}

/** The facts of OUT_OF_DISK: what is left for writers that are not root. */
export function roomIn(folder: string): { readonly folder: string; readonly free: string } {
  const { bytes, files } = countRoom(folder);
  return { folder, free: files === Number.POSITIVE_INFINITY ? `${bytes} bytes` : `${bytes} bytes and ${files} files` };
}

export function isFull(folder: string): boolean {
  const { bytes, files } = countRoom(folder);
  return bytes === 0 || files === 0;
}

/** Some file systems do not count files and never run out of them. */
function countRoom(folder: string): { readonly bytes: number; readonly files: number } {
  const { bavail, bsize, files, ffree } = statfsSync(folder);
  return { bytes: bavail * bsize, files: files === 0 ? Number.POSITIVE_INFINITY : ffree };
}

/** Full is full in either way; a file takes a block at least. */
function fullest(folders: readonly string[]): ReturnType<typeof roomIn> {
  const blockBytes = 4096;
  const rooms = folders.map((folder) => {
    const { bytes, files } = countRoom(folder);
    return { folder, left: Math.min(bytes / blockBytes, files) };
  });
  return roomIn(rooms.toSorted((a, b) => a.left - b.left)[0]?.folder ?? '/');
}

type Shortage = 'OUT_OF_DISK' | 'OUT_OF_DESCRIPTORS' | 'OUT_OF_PROCESSES';

// seccomp_export_bpf(3) fails with ECANCELED when its file cannot be written, whatever the reason was.
const words: readonly (readonly [RegExp, Shortage])[] = [
  [/\b(?:ENOSPC|EDQUOT)\b|No space left on device|Disk quota exceeded|seccomp_export_bpf/, 'OUT_OF_DISK'],
  [/\b(?:EMFILE|ENFILE)\b|Too many open files|system error 24\b/, 'OUT_OF_DESCRIPTORS'],
  [/\bEAGAIN\b|Resource temporarily unavailable|Cannot fork/, 'OUT_OF_PROCESSES'],
];

/** Of our own errors only those whose reason is another program's. */
function shortageOf(thrown: unknown): Shortage | undefined {
  const { code, message, facts } = toMinkeError(thrown);
  if (code !== 'INTERNAL' && facts['reason'] === undefined) return undefined;
  return words.find(([pattern]) => pattern.test(message))?.[1];
}
