import { killIn, type LimitGroup } from './cgroups.ts';

const checkMs = 50;
/** A program that meets its limit gives up or waits; none that means well asks so often. A bomb does within 0.2 s. */
const mostRefusals = 300;

/**
 * Ends what goes on asking for processes at its limit, until told to stop; then says whether there was such a bomb.
 *
 * The limit alone keeps a bomb inside, but not harmless: each fork, even a refused one, holds the lock that every start of a
 * container on the machine has to take for itself alone (cgroup_threadgroup_rwsem, once for each controller of cgroup v1), and
 * the kernel grants it to all of the bomb's processes in between. Measured on two cores: beside a bomb of 256 a fresh container
 * took 3.2 s at worst instead of 0.2 s; with bombs ended, 0.4 s though the next followed at once.
 */
export function endForkBombs(group: LimitGroup): { stop(): boolean } {
  let wasBomb = false;
  const look = (): void => {
    if (group.refusals() < mostRefusals) return;
    wasBomb = true;
    try {
      killIn(group.path);
    } catch {
      // No descriptor is left to look with; the next look comes.
    }
  };
  const timer = setInterval(look, checkMs);
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
      return wasBomb;
    },
  };
}
