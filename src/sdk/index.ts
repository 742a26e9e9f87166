/**
 * minke's SDK: start containers as if they were functions. It needs nothing but Node 20 and works in any program, and
 * unchanged inside a function.
 *
 *     import { fromEnv } from 'minke/sdk';
 *     const minke = fromEnv();
 *     await minke.run('record-vote', ['alice', 'a'], { detach: true });
 *     const text = await minke.run('alpine:3', 'echo "hello whale"');
 */
export { createMinke, fromEnv, type Minke } from './minke.ts';
export { cgi, type CgiStreams } from './cgi.ts';
export { serve, type ServeOptions, type Serving } from './serve.ts';
export { RunError } from './run-error.ts';
export { MinkeError, type ErrorCode } from '../errors/index.ts';
export type { CallOptions } from './call.ts';
export type { FullAnswer, FunctionAnswer, FunctionRequest, Handler } from './handler.ts';
export type { Self } from './self.ts';
export type { Arguments, RunOptions, Target } from './run.ts';
export type { LogChunk, LogOptions, Runs, WaitOptions } from './runs.ts';
export type {
  ContainerMount,
  ContainerOptions,
  FailedAttempt,
  Ledger,
  RetryRules,
  Run,
  RunFilter,
  RunState,
} from './types.ts';
