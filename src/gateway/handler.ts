import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Admission } from './admission.ts';
import type { Call } from './call.ts';
import type { Capacity } from './capacity.ts';
import type { GatewayLimits } from './limits.ts';
import type { Match } from './router.ts';

/**
 * Answers calls to one kind of target. Resolves when the call is over for it, to the path and query that shall be answered
 * instead, if any. Throws the signal's reason or what shall become the answer.
 */
export type Handler = (call: Call, match: Match) => Promise<string | undefined>;

export interface HandlerParts {
  readonly capacity: Capacity;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: GatewayLimits;
  /** SERVER_SOFTWARE, "name/version". */
  readonly software: string;
}
