import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Ends } from './ends.ts';
import type { Exits } from './exits.ts';
import type { LogWriter } from './log-writer.ts';
import type { LocalNetworks } from '../local/networks.ts';
import type { Places } from './places.ts';
import type { Runtime } from './runtime/commands.ts';
import type { Starter } from '../local/starter/client.ts';

/** The parts that every start, end and recovery in the sandbox works with. */
export interface Context {
  readonly places: Places;
  readonly starter: Starter;
  readonly networks: LocalNetworks;
  readonly ends: Ends;
  readonly exits: Exits;
  readonly logWriter: LogWriter;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the engine lets go: what happens from then on is the next life's affair. */
  readonly closing: AbortController;
  /** What starts containers; those of an earlier life may be another's. */
  readonly runtime: Runtime;
}
