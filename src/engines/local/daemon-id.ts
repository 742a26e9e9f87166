import { createHash } from 'node:crypto';

/** Derived from the data folder: what carries it outside of that is this daemon's, in every life of it. */
export const daemonIdOf = (dataFolder: string): string =>
  createHash('sha256').update(dataFolder).digest('hex').slice(0, 8);
