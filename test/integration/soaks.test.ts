import { expect, it } from 'vitest';
import { accepts } from '../../scripts/soak/accepts.ts';
import { calls } from '../../scripts/soak/calls.ts';
import { isKept } from '../../scripts/soak/document.ts';
import { kills } from '../../scripts/soak/kills.ts';
import { votesAtOnce } from '../../scripts/soak/votes.ts';
import type { Soak } from '../../scripts/soak/soak.ts';

// The short forms of `npm run soak`.
it.each<[string, Soak, number]>([
  ['DR-6 requests and runs of every ending, fifty of each, leave the host as it was', calls, 0.05],
  ['DR-16 a hundred votes at once, every tenth failing at first, are counted exactly once', votesAtOnce, 0.01],
  ['DR-16 twenty kills of the daemon while fifty clients submit cost no run, and none is done twice', accepts, 0.1],
  [
    'CO-6 three kills each of daemon, starter and log writer under load cost no line, no run and no connection',
    kills,
    0.15,
  ],
])(
  '%s',
  async (_, soak, scale) => {
    const told: string[] = [];
    const { signal } = new AbortController();
    const figures = await soak.run({ scale, signal, tell: (line) => told.push(line) });
    expect(figures.length).toBeGreaterThan(0);
    const broken = figures.filter((figure) => !isKept(figure));
    expect({ broken, told: broken.length === 0 ? [] : told }).toEqual({ broken: [], told: [] });
  },
  300_000,
);
