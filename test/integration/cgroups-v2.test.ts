import { expect, it } from 'vitest';
import { conformanceInGuest } from '../guest/guest.ts';
import { uml, whyNoUml } from '../guest/uml.ts';

/** A few of the suite's promises, those that are the kernel's to keep; `npm run soak -- hosts` shows all of them. */
const promises = 'beyond the limit|device of the host|others are out of sight|adopts an instance';

it.skipIf(whyNoUml !== undefined)(
  `keeps what the kernel promises on a host with cgroups v2 alone${whyNoUml === undefined ? '' : ` (${whyNoUml})`}`,
  async ({ signal }) => {
    const outcomes = await conformanceInGuest(uml, { runs: [['crun', promises]], signal });
    expect(outcomes.map(({ title, state }) => `${state}: ${title.split(' > ').at(-1) ?? ''}`)).toEqual([
      'kept: adopts an instance: same id, same process, same output',
      'kept: a device of the host is refused, even through a node of its own making',
      'kept: of others are out of sight',
      'kept: beyond the limit are refused, and the cause is told',
      'kept: beyond the limit ends the instance, and the cause is told',
    ]);
  },
  // Half a minute where the machine is otherwise idle.
  900_000,
);
