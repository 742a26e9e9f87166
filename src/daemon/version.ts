import { readFileSync } from 'node:fs';

/** minke's own version: package.json lies two folders up, from the source as from what is published. */
export const version: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string }
).version;
