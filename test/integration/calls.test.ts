import { expect, it } from 'vitest';
import { calls } from '../../scripts/soak/calls.ts';
import { isKept } from '../../scripts/soak/document.ts';

// The short form of `npm run soak -- calls`.
it('DR-6 requests and runs of every ending, a hundred of each, leave the host as it was', async () => {
  const told: string[] = [];
  const { signal } = new AbortController();
  const figures = await calls.run({ scale: 0.1, signal, tell: (line) => told.push(line) });
  expect(figures.length).toBeGreaterThan(0);
  const broken = figures.filter((figure) => !isKept(figure));
  expect({ broken, told: broken.length === 0 ? [] : told }).toEqual({ broken: [], told: [] });
}, 240_000);
