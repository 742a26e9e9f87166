import type { InstanceLimits } from '../../model/instance.ts';
import { openMap, type Fields, type Reader } from './fields.ts';
import { limitKeys, resourceKeys } from './keys.ts';
import type { Problems } from './problems.ts';
import { readBytes, readCores, readInteger } from './readers.ts';

const MiB = 1024 * 1024;

/** Of the page "Engines": a function that runs away must not take the machine with it; a database knows best itself. */
const defaults = {
  function: { memoryBytes: 512 * MiB, pids: 256, cpus: 0 },
  service: { memoryBytes: 0, pids: 4096, cpus: 0 },
} as const satisfies Record<string, InstanceLimits>;

const leastMemoryBytes = 6 * MiB;

/** `deploy.resources.limits`, or the older `mem_limit`, `cpus`, `pids_limit`: 0 memory or cores = no limit. */
export function readLimits(
  service: Fields,
  deploy: Fields | undefined,
  isFunction: boolean,
  problems: Problems,
): InstanceLimits {
  const limits = deployLimits(deploy, problems);
  const base = isFunction ? defaults.function : defaults.service;
  const both = <T>(key: string, olderKey: string, reader: Reader<T>): T | undefined => {
    const [value, older] = [limits?.read(key, reader), service.read(olderKey, reader)];
    if (value !== undefined && older !== undefined && value !== older) {
      const mend = 'Keep one of the two.';
      problems.badValue(
        service.placeOf(olderKey),
        `"${String(older)}"`,
        `deploy.resources.limits.${key} says ${String(value)}`,
        mend,
      );
    }
    return value ?? older;
  };
  return {
    memoryBytes: both('memory', 'mem_limit', readMemory) ?? base.memoryBytes,
    pids: both('pids', 'pids_limit', readInteger(1)) ?? base.pids,
    cpus: both('cpus', 'cpus', readCores) ?? base.cpus,
  };
}

function deployLimits(deploy: Fields | undefined, problems: Problems): Fields | undefined {
  const resources = deploy?.node('resources');
  const limits = resources === undefined ? undefined : openMap(resources, resourceKeys, problems)?.node('limits');
  return limits === undefined ? undefined : openMap(limits, limitKeys, problems);
}

/** As Docker: less than 6 MiB starts nothing. */
const readMemory: Reader<number> = (node, problems) => {
  const bytes = readBytes(node, problems);
  if (bytes === undefined || bytes === 0 || bytes >= leastMemoryBytes) return bytes;
  const text = node.kind === 'scalar' ? node.text : '';
  const isUnitForgotten = /^\d+$/.test(text);
  problems.badValue(
    node.at,
    `"${text}"`,
    'nothing runs in less than 6 MiB',
    isUnitForgotten ? `Did you mean "${text}m"?` : 'Write 6m or more.',
  );
  return undefined;
};
