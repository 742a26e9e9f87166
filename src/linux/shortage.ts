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

/** What is left for writers that are not root. */
export function roomIn(folder: string): {
  readonly folder: string;
  readonly bytesFree: number;
  readonly filesFree: number;
} {
  const { bavail, bsize, ffree } = statfsSync(folder);
  return { folder, bytesFree: bavail * bsize, filesFree: ffree };
}

/** Full is full in either way: no bytes, or no files (a file system that counts none says 0 of 0 and cannot run out). */
function fullest(folders: readonly string[]): ReturnType<typeof roomIn> {
  const rooms = folders.map(roomIn);
  const least = (room: ReturnType<typeof roomIn>): number => Math.min(room.bytesFree / 4096, room.filesFree);
  return rooms.toSorted((a, b) => least(a) - least(b))[0] ?? { folder: '/', bytesFree: 0, filesFree: 0 };
}

type Shortage = 'OUT_OF_DISK' | 'OUT_OF_DESCRIPTORS' | 'OUT_OF_PROCESSES';

const words: readonly (readonly [RegExp, Shortage])[] = [
  [/\b(?:ENOSPC|EDQUOT)\b|No space left on device|Disk quota exceeded/, 'OUT_OF_DISK'],
  [/\b(?:EMFILE|ENFILE)\b|Too many open files|system error 24\b/, 'OUT_OF_DESCRIPTORS'],
  [/\bEAGAIN\b|Resource temporarily unavailable|Cannot fork/, 'OUT_OF_PROCESSES'],
];

/** Of our own errors only those whose reason is another program's. */
function shortageOf(thrown: unknown): Shortage | undefined {
  const { code, message, facts } = toMinkeError(thrown);
  if (code !== 'INTERNAL' && facts['reason'] === undefined) return undefined;
  return words.find(([pattern]) => pattern.test(message))?.[1];
}
