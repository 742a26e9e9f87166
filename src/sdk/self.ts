import type { Transport } from './transport.ts';
import type { RunState } from './types.ts';

/** The container that asks. */
export interface Self {
  readonly app: string;
  readonly name: string;
  /** 64 hex digits. */
  readonly instance: string;
  readonly kind: 'service' | 'http' | 'cgi' | 'task';
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** The instance that asked for it; absent where a request from outside or a deploy did. */
  readonly parent?: string;
  /** What lives, or waits to, because it asked for it: runs, and instances that answer its requests. */
  readonly children: readonly { readonly id: string; readonly name: string; readonly state: RunState | 'stopping' }[];
  /** Other instances of its name. */
  readonly siblings: readonly {
    readonly id: string;
    readonly state: 'starting' | 'running' | 'stopping';
    readonly startedAt: number;
  }[];
  /** Of its name, in all its instances: requests or runs that are being worked on, and those that wait. */
  readonly load: { readonly running: number; readonly waiting: number };
}

export async function self(transport: Transport): Promise<Self> {
  return (await transport.json<{ readonly self: Self }>('self')).self;
}
