import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { resizeTerminalOf } from '../../linux/terminal.ts';
import { writeWhole } from '../../linux/write-whole.ts';
import type { Id } from '../../model/ids.ts';
import type { InstanceLimits } from '../../model/instance.ts';
import type { Controls } from '../controls.ts';
import type { Running } from './brief.ts';
import { freezeGroup, isFrozen, processesIn, thawGroup } from '../local/host/cgroups.ts';
import { withLimits } from '../local/seat.ts';
import { usageOf } from '../local/usage.ts';
import type { Places } from './places.ts';
import { containerOf } from './record.ts';
import { firstProcess } from './runtime/containers.ts';

/** What the sandbox can do with living instances. `renew` says that one is another from now on. */
export function createControls(places: Places, live: ReadonlyMap<Id, Running>, renew: (to: Running) => void): Controls {
  const of = (id: Id): Running => {
    const running = live.get(id);
    if (running === undefined) throw new MinkeError('INSTANCE_NOT_FOUND', { instance: id });
    return running;
  };
  const pidOf = ({ record }: Running): number | undefined => firstProcess(places.memory, containerOf(record))?.pid;
  return {
    pause: async (id) => freezeGroup(of(id).group),
    resume: async (id) => thawGroup(of(id).group),
    isPaused: (id) => isFrozen(of(id).group),
    resize: (id, size) => {
      const pid = pidOf(of(id));
      // crun 1.8 does not pass on what its own terminal becomes.
      return pid !== undefined && resizeTerminalOf(pid, size);
    },
    limit: async (id, limits) => {
      const running = of(id);
      await running.limit(limits);
      renew(remember(running, limits));
    },
    measure: async (id) => {
      const running = of(id);
      const { record, group, address } = running;
      return usageOf({
        group: join(group, id),
        limits: record.summary.limits,
        pid: pidOf(running),
        hasNetwork: address !== undefined,
      });
    },
    processes: (id) => processesIn(of(id).group),
  };
}

/** The next life of the daemon sets what it finds there. */
function remember(running: Running, limits: InstanceLimits): Running {
  const record = withLimits(running.record, limits);
  writeWhole(join(running.home, 'instance.json'), JSON.stringify(record));
  return { ...running, record };
}
