import type { InstanceLimits } from '../../model/instance.ts';
import type { FileContext } from './context.ts';
import { defined } from './defined.ts';
import { fieldsOf, openMap, type Fields, type Reader } from './fields.ts';
import { limitKeys, reservationKeys, resourceKeys } from './keys.ts';
import type { Node } from './node.ts';
import type { Problems } from './problems.ts';
import { parseBytes } from './quantities.ts';
import { readBytes, readCores, readInteger, scalar } from './readers.ts';
import { warnAt } from './warnings.ts';

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
  context: FileContext,
): InstanceLimits {
  const { problems } = context;
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
  const memoryBytes = both('memory', 'mem_limit', readMemory);
  const quota = quotaOf(service, problems);
  checkSwap(service, memoryBytes, problems);
  return {
    memoryBytes: memoryBytes ?? base.memoryBytes,
    pids: both('pids', 'pids_limit', readInteger(1)) ?? base.pids,
    cpus: both('cpus', 'cpus', readCores) ?? quota ?? base.cpus,
    ...defined({ cpuShares: service.read('cpu_shares', readInteger(2, 262_144)) }),
    ...defined({ memoryReservationBytes: reservationOf(service, deploy, context) }),
  };
}

function deployLimits(deploy: Fields | undefined, problems: Problems): Fields | undefined {
  const resources = deploy?.node('resources');
  const limits = resources === undefined ? undefined : openMap(resources, resourceKeys, problems)?.node('limits');
  return limits === undefined ? undefined : openMap(limits, limitKeys, problems);
}

/** `cpu_quota` of older files: so much of every `cpu_period`, in microseconds; cpus says the same. */
function quotaOf(service: Fields, problems: Problems): number | undefined {
  const quota = service.read('cpu_quota', readQuota);
  const period = service.read('cpu_period', readInteger(1000, 1_000_000)) ?? 100_000;
  if (quota !== undefined && service.node('cpus') !== undefined) {
    problems.badValue(service.placeOf('cpu_quota'), `"${quota}"`, '"cpus" says it already', 'Keep one of the two.');
  }
  return quota === undefined ? undefined : Math.max(quota, 0) / period;
}

const readQuota = scalar('microseconds, or -1 for no limit', 'Write cpus: 0.5 instead.', (text) =>
  /^(?:-1|\d{1,9})$/.test(text) ? Number(text) : undefined,
);

/** `memswap_limit` is memory and swap together; there is no swap, so that only the memory itself can be meant. */
function checkSwap(service: Fields, memoryBytes: number | undefined, problems: Problems): void {
  const both = service.read('memswap_limit', readSwap);
  if (both === undefined || both === 0 || both === memoryBytes) return;
  const mend = 'Take it out, and raise mem_limit to what the service needs.';
  problems.unsupported(service.placeOf('memswap_limit'), 'memory comes without swap', mend);
}

const readSwap = scalar('an amount of memory, or -1', 'Write a unit: 512m, 1.5g.', (text) =>
  text === '-1' ? -1 : parseBytes(text),
);

function reservationOf(service: Fields, deploy: Fields | undefined, context: FileContext): number | undefined {
  const resources = deploy?.node('resources');
  const node = resources === undefined ? undefined : fieldsOfMap(resources, context.problems)?.node('reservations');
  const reserved = node === undefined ? undefined : openMap(node, reservationKeys, context.problems);
  if (reserved?.read('cpus', readCores) !== undefined) {
    const reason = 'no cores are set aside; services share them';
    warnAt(reserved.placeOf('cpus'), { reason, mend: 'Write cpu_shares to give it a larger share.' }, context);
  }
  return reserved?.read('memory', readBytes) ?? service.read('mem_reservation', readBytes);
}

const fieldsOfMap = (node: Node, problems: Problems): Fields | undefined =>
  node.kind === 'map' ? fieldsOf(node, problems) : undefined;

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
