import { chunked } from './chunks.ts';
import { framing } from './framing.ts';
import { heads } from './heads.ts';
import { targets } from './targets.ts';

export { honest } from './honest.ts';

/** Malformed and smuggling requests. */
export const hostile = [...framing, ...chunked, ...heads, ...targets];
