import { randomBytes } from 'node:crypto';

/** 64 lower-case hex digits, as Docker's container ids are: of an instance or a run. */
export type Id = string;

export const newId = (): Id => randomBytes(32).toString('hex');

/** The 12 digits that people read and that a container finds as its host name. */
export const shortId = (id: Id): string => id.slice(0, 12);

export const isId = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);
