import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMinke, type Minke } from '../../src/sdk/minke.ts';
import type { TestDaemon } from '../../test/integration/daemon.ts';
import { readResult, votingFile } from '../../test/integration/voting-app.ts';
import { timed } from '../bench/rounds.ts';
import type { Figure, Soak, SoakOptions } from './soak.ts';
import { onDaemon } from './on-daemon.ts';

const votes = 10_000;
const clients = 32;
const nothing = { op: '==', value: 0 } as const;

/** Over the example's own: every tenth voter's task fails at its first try. */
const failing = `
services:
  record-vote:
    entrypoint:
      - /bin/sh
      - -c
      - 'case $$1 in *0) [ "$$MINKE_ATTEMPT" = 1 ] && exit 1;; esac; exec /app/record-vote.sh "$$@"'
      - record-vote
    x-minke: { retries: { max: 3, backoff: 100ms..1s } }
`;

/** No worker and no queue: each vote is a task of its own, in a container of its own. */
export const votesAtOnce: Soak = {
  about: `${votes} votes at once into the voting example, every tenth task failing at its first try`,
  run: async (options) => {
    const folder = mkdtempSync(join(tmpdir(), 'minke-votes-'));
    writeFileSync(join(folder, 'failing.yaml'), failing);
    try {
      return await onDaemon(options, async (daemon) => {
        await daemon.up(votingFile, { over: [join(folder, 'failing.yaml')] });
        return await measure(daemon, options);
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

async function measure(daemon: TestDaemon, { scale, signal, tell }: SoakOptions): Promise<readonly Figure[]> {
  const minke = createMinke(daemon.api, 'voting');
  const count = Math.max(10, Math.round(votes * scale));
  const choiceOf = (voter: number): 'a' | 'b' => (voter % 3 === 0 ? 'b' : 'a');
  let next = 0;
  const startedAt = performance.now();
  const accepts = await timed(count, clients, async () => {
    const voter = next++;
    await minke.run('record-vote', [`voter-${voter}`, choiceOf(voter)], { detach: true, signal });
  });
  tell(`${count} are accepted`);
  await untilSettled(minke, signal, tell);
  const seconds = (performance.now() - startedAt) / 1000;
  const ledger = await minke.runs.ledger();
  const { a, b, total } = await readResult(daemon.gateway);
  const wanted = Array.from({ length: count }, (_, voter) => choiceOf(voter));
  const wrong = Math.abs(a - wanted.filter((choice) => choice === 'a').length) + Math.abs(b - (total - a));
  return [
    { what: 'votes, all at once', value: count, unit: 'votes' },
    { what: 'accepted a second', value: Math.round((1000 * count) / accepts.tookMs), unit: '1/s' },
    { what: 'recorded a second, a container each', value: Math.round((10 * count) / seconds) / 10, unit: '1/s' },
    { what: 'counted', value: total, unit: 'votes', limit: { op: '==', value: count } },
    { what: 'counted for the wrong side', value: wrong, unit: 'votes', limit: nothing },
    { what: 'dead', value: ledger.dead, unit: 'runs', limit: nothing },
    { what: 'accepted', value: ledger.accepted, unit: 'runs', limit: { op: '==', value: count } },
    {
      what: 'settled or removed',
      value: ledger.settled + ledger.removed,
      unit: 'runs',
      limit: { op: '==', value: count },
    },
  ];
}

async function untilSettled(minke: Minke, signal: AbortSignal, tell: (progress: string) => void): Promise<void> {
  for (let told = Infinity; ;) {
    signal.throwIfAborted();
    const { waiting, inFlight } = await minke.runs.ledger();
    if (waiting + inFlight === 0) return;
    if (told - waiting >= 1000) {
      told = waiting;
      tell(`${waiting} wait`);
    }
    // The newest waits longest: no polling while there is one to wait for.
    const [last] = await minke.runs.list({ state: ['queued', 'starting', 'running'], limit: 1 });
    if (last !== undefined) await minke.runs.wait(last.id, { timeout: 5000, signal });
  }
}
