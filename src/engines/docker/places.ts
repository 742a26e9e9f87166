import { join } from 'node:path';
import type { Id } from '../../model/ids.ts';
import { daemonIdOf } from '../local/daemon-id.ts';

/**
 * Where the Docker engine keeps things. Everything is under the data folder or carries the daemon's own id.
 *
 *   /run/minke-ID/docker/live/INSTANCE/   hosts, resolv.conf, files: shown in the container
 *   /run/minke-ID/docker/net/APP/         the app's network, as for every engine on this machine
 *   DATA/docker/exits/INSTANCE            how it ended, until it is forgotten; output is the Docker Engine's own
 *   DATA/docker/roots/ROOT-LIFE          what was changed before a life of a kept root began
 *   DATA/docker/hold                      the program of holders
 */
export interface Places {
  /** On everything that is made in the Docker Engine: who made it. */
  readonly owner: string;
  /** The daemon's, for all that does not outlive a reboot. */
  readonly home: string;
  readonly run: string;
  readonly live: string;
  readonly net: string;
  readonly data: string;
  readonly exits: string;
  readonly roots: string;
  readonly hold: string;
  readonly cgroup: string;
}

export function placesFor(dataFolder: string): Places {
  const owner = daemonIdOf(dataFolder);
  const home = join('/run', `minke-${owner}`);
  const run = join(home, 'docker');
  const data = join(dataFolder, 'docker');
  return {
    owner,
    home,
    run,
    live: join(run, 'live'),
    net: join(run, 'net'),
    data,
    exits: join(data, 'exits'),
    roots: join(data, 'roots'),
    hold: join(data, 'hold'),
    cgroup: `/minke-${owner}-docker`,
  };
}

/** What an instance's container is called, so that it is found without asking for its id. */
export const containerName = ({ owner }: Places, id: Id): string => `minke-${owner}-${id}`;

export const holderName = (places: Places, id: Id): string => `${containerName(places, id)}-holder`;

/** Of one that nobody wants but for the root that it has. */
export const rootContainerName = (places: Places, root: Id, life: number): string =>
  `${containerName(places, root)}-root-${life}`;
