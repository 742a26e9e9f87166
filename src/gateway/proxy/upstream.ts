import type { Socket } from 'node:net';
import type { Id } from '../../model/ids.ts';

/** The lease of a connection to an instance. In flight is what lies between `connect` and `release`. */
export interface Upstream {
  /** Connected, and between two messages. Whoever gives it listens to its errors while no lease is on it. */
  readonly socket: Socket;
  readonly id: Id;
  /** Whether the instance is ending or has ended: an answer that ends with its connection may be torn then. */
  hasEnded(): Promise<boolean>;
  /**
   * Called exactly once. The socket goes back to whoever gave it: with `idle` it is open and between two messages again
   * and may serve the next lease; without, the gateway has destroyed it. `answer`: whether an answer began; `late` when none
   * did before the deadline.
   */
  release(state?: { readonly idle: boolean; readonly answer: 'begun' | 'late' | 'none' }): void;
}
