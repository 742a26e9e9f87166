import { availableParallelism, hostname, release, totalmem } from 'node:os';
import type { HostFacts } from '../../dockerapi/containers.ts';

/** What `docker info` and `docker version` tell of this machine. */
export const hostFacts = (
  facts: Pick<HostFacts, 'version' | 'id' | 'dataFolder' | 'engine' | 'hasTerminals'>,
): HostFacts => ({
  ...facts,
  hostname: hostname(),
  kernel: release(),
  cpus: availableParallelism(),
  memoryBytes: totalmem(),
});
