import type { Readable, Writable } from 'node:stream';
import type { Id } from '../../model/ids.ts';
import type { InstanceExit } from '../../model/instance.ts';

/** A container that serves one request and speaks CGI on its three streams. */
export interface CgiInstance {
  readonly id: Id;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Never rejects. */
  readonly exited: Promise<InstanceExit>;
  /** Kills it at once. Idempotent; resolves when it is gone. */
  stop(): Promise<void>;
}
