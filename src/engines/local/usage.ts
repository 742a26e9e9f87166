import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupLayout, cgroupRoot } from '../../linux/cgroup.ts';
import { processorTicks } from '../../linux/proc.ts';
import type { InstanceLimits } from '../../model/instance.ts';
import type { Traffic, Usage } from '../controls.ts';
import { processesIn } from './host/cgroups.ts';

export interface Measured {
  /** The cgroup of its container, whose counters began with it. */
  readonly group: string;
  readonly limits: InstanceLimits;
  /** Its first process. */
  readonly pid: number | undefined;
  readonly hasNetwork: boolean;
}

/** What the kernel has counted for an instance. A file that is not there, because its container is ending, reads as nothing. */
export function usageOf({ group, limits, pid, hasNetwork }: Measured): Usage {
  const pids = processesIn(group);
  const kernel = cgroupLayout() === 'v2' ? readV2(group) : readV1(group, pids);
  return {
    ...kernel,
    memoryLimitBytes: limits.memoryBytes,
    processesNow: pids.length,
    processesLimit: limits.pids,
    ...(hasNetwork && pid !== undefined ? { network: { name: 'eth0', ...trafficOf(pid) } } : {}),
  };
}

type Counted = Pick<Usage, 'cpuNs' | 'memoryNowBytes' | 'memoryMostBytes' | 'memoryFileBytes'>;

function readV2(path: string): Counted {
  const folder = join(cgroupRoot, path);
  const memoryNowBytes = numberIn(join(folder, 'memory.current'));
  return {
    cpuNs: numberIn(join(folder, 'cpu.stat'), 'usage_usec') * 1000,
    memoryNowBytes,
    // Linux 5.19
    memoryMostBytes: Math.max(memoryNowBytes, numberIn(join(folder, 'memory.peak'))),
    memoryFileBytes: numberIn(join(folder, 'memory.stat'), 'inactive_file'),
  };
}

function readV1(path: string, pids: readonly number[]): Counted {
  const memory = join(cgroupRoot, 'memory', path);
  // Most machines mount `cpu` and `cpuacct` as one. Elsewhere the living processes and those they have buried are asked.
  const counted = numberIn(join(cgroupRoot, 'cpu', path, 'cpuacct.usage'));
  const nsPerTick = 10_000_000;
  return {
    cpuNs: counted > 0 ? counted : pids.reduce((sum, pid) => sum + processorTicks(pid), 0) * nsPerTick,
    memoryNowBytes: numberIn(join(memory, 'memory.usage_in_bytes')),
    memoryMostBytes: numberIn(join(memory, 'memory.max_usage_in_bytes')),
    memoryFileBytes: numberIn(join(memory, 'memory.stat'), 'total_inactive_file'),
  };
}

/** proc(5), /proc/PID/net/dev: of the network namespace that the process is in. */
function trafficOf(pid: number): Traffic {
  const line = textOf(`/proc/${pid}/net/dev`)
    .split('\n')
    .find((one) => one.trim().startsWith('eth0:'));
  const fields = (line ?? '').slice((line ?? '').indexOf(':') + 1).trim();
  const [receivedBytes = 0, receivedPackets = 0, , , , , , , sentBytes = 0, sentPackets = 0] = fields
    .split(/\s+/)
    .map(Number);
  return { receivedBytes, receivedPackets, sentBytes, sentPackets };
}

/** All that a file says, or what it says behind a word. */
function numberIn(file: string, word?: string): number {
  const text = textOf(file);
  const line =
    word === undefined
      ? text
      : text
          .split('\n')
          .find((one) => one.startsWith(`${word} `))
          ?.slice(word.length);
  return Number(line?.trim() ?? 0) || 0;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
