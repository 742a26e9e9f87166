import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { startTicks } from '../../linux/proc.ts';
import { resizeTerminalOf } from '../../linux/terminal.ts';
import type { Id } from '../../model/ids.ts';
import type { Controls } from '../controls.ts';
import { processesIn } from '../local/host/cgroups.ts';
import { withLimits } from '../local/seat.ts';
import { usageOf } from '../local/usage.ts';
import { isRefusal } from './api/client.ts';
import { inspectContainer } from './containers.ts';
import type { Context } from './context.ts';
import { keepLimits } from './limits.ts';
import { containerName } from './places.ts';
import type { Running } from './running.ts';

/** What can be done with living containers of the engine. `renew` says that one is another from now on. */
export function createControls(
  context: Context,
  live: ReadonlyMap<Id, Running>,
  renew: (to: Running) => void,
): Controls {
  const of = (id: Id): Running => {
    const running = live.get(id);
    if (running === undefined) throw gone(id);
    return running;
  };
  return {
    pause: async (id) => await setPaused(context, of(id), true),
    resume: async (id) => await setPaused(context, of(id), false),
    isPaused: (id) => of(id).pausing.isOn,
    resize: (id, size) => {
      const { process } = of(id);
      return process !== undefined && startTicks(process.pid) === process.ticks && resizeTerminalOf(process.pid, size);
    },
    limit: async (id, limits) => {
      const running = of(id);
      await running.limit(limits);
      keepLimits(join(context.places.live, id), limits);
      renew({ ...running, record: withLimits(running.record, limits) });
    },
    measure: async (id) => {
      const { process, record, address } = of(id);
      if (process === undefined) throw gone(id);
      const { pid, group } = process;
      return usageOf({ group, limits: record.summary.limits, pid, hasNetwork: address !== undefined });
    },
    processes: (id) => {
      const { process } = of(id);
      return process === undefined ? [] : processesIn(process.group);
    },
  };
}

/** By the engine, so that it knows of it. Being so already is success. */
export async function setPaused(context: Context, { record, pausing }: Running, isOn: boolean): Promise<void> {
  const { id } = record.summary;
  const name = containerName(context.places, id);
  const path = `/containers/${name}/${isOn ? 'pause' : 'unpause'}`;
  try {
    await context.client.call({ method: 'POST', path });
  } catch (error) {
    if (!isRefusal(error, 404, 409, 500)) throw error;
    const state = (await inspectContainer(context, name))?.State;
    if (state?.Running !== true) throw gone(id);
    if ((state.Status === 'paused') !== isOn) throw error;
  }
  pausing.isOn = isOn;
}

const gone = (instance: Id): MinkeError => new MinkeError('INSTANCE_NOT_FOUND', { instance });
