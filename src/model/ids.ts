import { randomBytes } from 'node:crypto';

/** 64 lower-case hex digits, as Docker's container ids are: of an instance or a run. */
export type Id = string;

export function newId(): Id {
  if (drawn === pool.length) {
    pool = randomBytes(idBytes * idsDrawnAtOnce);
    drawn = 0;
  }
  drawn += idBytes;
  return pool.toString('hex', drawn - idBytes, drawn);
}

const idBytes = 32;
/** Asking the kernel for each was a tenth of what accepting a run costs. */
const idsDrawnAtOnce = 128;
let pool = Buffer.alloc(0);
let drawn = 0;

/** The 12 digits that people read and that a container finds as its host name. */
export const shortId = (id: Id): string => id.slice(0, 12);

export const isId = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);
