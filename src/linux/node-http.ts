import type * as NodeHttp from 'node:http';
import { createRequire } from 'node:module';

/**
 * `node:http` by `require`. `import` reads every export of it, and some of them load a whole web client when they are read: a
 * fifth of what a daemon loads before it answers, and most of what a short program does (measured with Node 24).
 */
export const http = createRequire(import.meta.url)('node:http') as typeof NodeHttp;
