import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { LocalNetworks } from '../local/networks.ts';
import type { DockerClient } from './api/client.ts';
import type { Ends } from './ends.ts';
import type { Exits } from './exits.ts';
import type { Images } from './images.ts';
import type { Places } from './places.ts';
import type { RootLives } from './root-lives.ts';
import type { RootVolumes } from './root-volumes.ts';

/** The parts that every start, end and recovery on a Docker Engine works with. */
export interface Context {
  readonly places: Places;
  readonly client: DockerClient;
  /** `letGo`: the last, when nothing is asked of them any more. */
  readonly networks: LocalNetworks & { letGo(): void };
  readonly images: Images;
  readonly rootLives: RootLives;
  readonly rootVolumes: RootVolumes;
  readonly ends: Ends;
  readonly exits: Exits;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the engine lets go: what happens from then on is the next life's affair. */
  readonly closing: AbortController;
  /**
   * Limits lie on a cgroup of ours around the container's, which tells why an instance ended. Only where the Docker Engine takes
   * any cgroup as a parent; with systemd's slices the limits are the engine's own.
   */
  readonly hasOwnGroups: boolean;
}
