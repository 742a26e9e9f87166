import { conformanceInGuest, type Outcome } from '../../test/guest/guest.ts';
import { qemu, whyNoQemu } from '../../test/guest/qemu.ts';
import type { Figure, Soak } from './soak.ts';

/** The whole conformance suite of the sandbox, with each runtime, on a machine with Debian's kernel and cgroups v2 alone. */
export const hosts: Soak = {
  about: 'the sandbox keeps its contract on a host with cgroups v2, with crun and with runc',
  run: async ({ scale, signal, tell }) => {
    const missing = whyNoQemu();
    if (missing !== undefined) throw new Error(missing);
    const pattern = scale < 1 ? 'beyond the limit|device of the host' : '.';
    const figures: Figure[] = [];
    for (const [runtime, skips] of Object.entries(skipsOf)) {
      const told = (line: string): void => {
        if (line.includes('promise: ')) tell(line);
      };
      const runs = [[runtime, pattern, JSON.stringify(skips)]];
      const outcomes = await conformanceInGuest(qemu, { runs, signal, tell: told });
      const count = (state: Outcome['state']): number => outcomes.filter((one) => one.state === state).length;
      figures.push(
        { what: `${runtime}: promises kept`, value: count('kept'), unit: 'promises', limit: { op: '>=', value: 1 } },
        {
          what: `${runtime}: promises broken`,
          value: count('broken'),
          unit: 'promises',
          limit: { op: '==', value: 0 },
        },
        { what: `${runtime}: promises skipped`, value: count('skipped'), unit: 'promises' },
      );
    }
    return figures;
  },
};

const skipsOf = {
  crun: {},
  runc: { 'pids-limit': 'before Linux 6.6 the kernel counts refusals in the very group that runc removes' },
};
