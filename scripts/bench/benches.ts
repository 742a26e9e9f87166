import type { Bench } from './bench.ts';
import { measureAccept } from './accept.ts';
import { measureDockerCli } from './docker-cli.ts';
import { measureFresh } from './fresh.ts';
import { measureRuns } from './runs.ts';

/** Every bench by its name; a new one is an entry here and a file beside. */
export const benches: Readonly<Record<string, Bench>> = {
  accept: {
    about: 'runs that are accepted, each on disk before it is answered',
    goals: { perSecond: { op: '>=', value: 12_000 } },
    measure: measureAccept,
  },
  'docker-cli': {
    about: 'the stock docker command line, at minke and at a Docker Engine',
    goals: { dockerVsMinke: { op: '>=', value: 8 } },
    measure: measureDockerCli,
  },
  fresh: {
    about: 'a fresh container for each request',
    goals: {
      p50VsFloor: { op: '<=', value: 1.3 },
      p99VsFloor: { op: '<=', value: 2 },
      dockerVsP50: { op: '>=', value: 20 },
      throughputVsFloor: { op: '>=', value: 0.8 },
      throughputVsDocker: { op: '>=', value: 20 },
    },
    measure: measureFresh,
  },
  runs: {
    about: 'runs end to end, a fresh container for each',
    goals: { vsFloor: { op: '>=', value: 0.7 } },
    measure: measureRuns,
  },
};
