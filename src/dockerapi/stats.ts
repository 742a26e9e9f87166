import { cpus } from 'node:os';
import type { Usage } from '../engines/controls.ts';
import type { Id } from '../model/ids.ts';
import { sendJson } from './answer.ts';
import { controlsOf, flag, goneSignal, isRunning, namedContainer, type Call, type Desk } from './call.ts';
import { nameOf } from './container-view.ts';
import type { Container } from './containers.ts';
import { nanoTime } from './log-view.ts';

const everyMs = 1000;

/** What a container uses: once, or every second until it ends or the client goes. */
export async function containerStats(desk: Desk, call: Call): Promise<void> {
  const container = await namedContainer(desk, call);
  const { instance } = container.run;
  if (!isRunning(container) || instance === undefined) {
    sendJson(call.response, 200, { id: container.run.id, name: `/${nameOf(container)}`, ...nothing });
    return;
  }
  const sample = sampler(desk, container, instance);
  const isStream = call.target.query.get('stream') === null || flag(call, 'stream');
  if (isStream) return streamStats(desk, call, sample);
  const first = await sample();
  if (flag(call, 'one-shot')) return sendJson(call.response, 200, statsView(first, undefined));
  await desk.clock.sleep(everyMs, goneSignal(desk, call.response));
  return sendJson(call.response, 200, statsView(await sample(), first));
}

async function streamStats(desk: Desk, { response }: Call, sample: () => Promise<Sample>): Promise<void> {
  const signal = goneSignal(desk, response);
  response.writeHead(200, { 'Content-Type': 'application/json' });
  try {
    for (let before: Sample | undefined; ;) {
      const now = await sample();
      response.write(`${JSON.stringify(statsView(now, before))}\n`);
      before = now;
      await desk.clock.sleep(everyMs, signal);
    }
  } catch (error) {
    // It has ended, or nobody looks any more.
    desk.log.debug('Measuring a container ended', { error });
  }
  response.end();
}

interface Sample {
  readonly container: Container;
  readonly usage: Usage;
  readonly atMs: number;
  /** Of all processors, since the machine was started. */
  readonly machineNs: number;
  readonly machineMemoryBytes: number;
}

const sampler = (desk: Desk, container: Container, instance: Id) => async (): Promise<Sample> => ({
  container,
  usage: await controlsOf(desk, 'Measuring a container').measure(instance),
  atMs: desk.clock.now(),
  machineNs: machineNs(),
  machineMemoryBytes: (await desk.info()).memoryBytes,
});

const machineNs = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.idle + times.irq, 0) * 1e6;

/** Docker's zero time, and no figure. */
const nothing = {
  read: '0001-01-01T00:00:00Z',
  preread: '0001-01-01T00:00:00Z',
  pids_stats: {},
  blkio_stats: {},
  num_procs: 0,
  storage_stats: {},
  cpu_stats: { cpu_usage: { total_usage: 0 } },
  precpu_stats: { cpu_usage: { total_usage: 0 } },
  memory_stats: {},
};

function statsView({ container, usage, atMs, machineMemoryBytes, ...now }: Sample, before: Sample | undefined): object {
  const { network } = usage;
  return {
    ...nothing,
    id: container.run.id,
    name: `/${nameOf(container)}`,
    read: nanoTime(atMs),
    ...(before !== undefined && { preread: nanoTime(before.atMs), precpu_stats: processorView(before) }),
    pids_stats: { current: usage.processesNow, ...(usage.processesLimit > 0 && { limit: usage.processesLimit }) },
    cpu_stats: processorView({ usage, ...now }),
    memory_stats: {
      usage: usage.memoryNowBytes,
      max_usage: usage.memoryMostBytes,
      stats: { inactive_file: usage.memoryFileBytes },
      limit: usage.memoryLimitBytes > 0 ? Math.min(usage.memoryLimitBytes, machineMemoryBytes) : machineMemoryBytes,
    },
    ...(network !== undefined && {
      networks: {
        [network.name]: {
          rx_bytes: network.receivedBytes,
          rx_packets: network.receivedPackets,
          rx_errors: 0,
          rx_dropped: 0,
          tx_bytes: network.sentBytes,
          tx_packets: network.sentPackets,
          tx_errors: 0,
          tx_dropped: 0,
        },
      },
    }),
  };
}

const processorView = ({ usage, machineNs }: Pick<Sample, 'usage' | 'machineNs'>): object => ({
  cpu_usage: { total_usage: usage.cpuNs, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  system_cpu_usage: machineNs,
  online_cpus: cpus().length,
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
});
