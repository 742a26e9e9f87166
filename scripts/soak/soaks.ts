import { accepts } from './accepts.ts';
import { bodies } from './bodies.ts';
import { calls } from './calls.ts';
import { debian } from './debian.ts';
import { docker } from './docker.ts';
import { engines } from './engines.ts';
import { hosts } from './hosts.ts';
import { kills } from './kills.ts';
import { slow } from './slow.ts';
import { votesAtOnce } from './votes.ts';
import type { Soak } from './soak.ts';

/** Every soak by its name; a new one is an entry here and a file beside. */
export const soaks: Readonly<Record<string, Soak>> = {
  accepts,
  bodies,
  calls,
  debian,
  docker,
  engines,
  hosts,
  kills,
  slow,
  votes: votesAtOnce,
};
