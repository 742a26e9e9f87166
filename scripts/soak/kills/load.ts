import { setTimeout as delay } from 'node:timers/promises';
import type { Run } from '../../../src/model/run.ts';
import { createRuns } from '../../../src/sdk/runs.ts';
import type { TestDaemon } from '../../../test/integration/daemon.ts';
import { numbers } from '../../../test/integration/restart-host.ts';
import { readLines } from './lines.ts';

/** Clients that go on whatever happens to the daemon, and remember every answer that was wrong. */
export interface Load {
  /** Answers that came whole and right so far. */
  answered(): number;
  /** Ends it and resolves when every accepted run is settled. */
  stop(): Promise<LoadOutcome>;
}

export interface LoadOutcome {
  readonly answered: number;
  readonly accepted: number;
  /** Wrong answers, and accepted runs that did not end as they had to. */
  readonly wrong: readonly string[];
}

export interface LoadOptions {
  /** What a log writer has read and not written goes with it: the output of a run may then have gaps. */
  readonly mayLoseLines: boolean;
}

const last = 20;
const exitCodes = 5;

export function startLoad(daemon: TestDaemon, { mayLoseLines }: LoadOptions): Load {
  const over = new AbortController();
  const accepted: { readonly id: string; readonly code: number }[] = [];
  const wrong: string[] = [];
  let answered = 0;

  const forever = async (once: (turn: number) => Promise<void>): Promise<void> => {
    for (let turn = 0; !over.signal.aborted; turn += 1) {
      // Nobody answers for a moment now and then; what is told is what was answered wrongly.
      await once(turn).catch(async () => await delay(20));
    }
  };
  const get = async (path: string, body: string): Promise<void> => {
    const answer = await fetch(`${daemon.gateway}${path}`);
    const text = await answer.text();
    if (answer.status >= 500) return;
    if (answer.status === 200 && text === body) answered += 1;
    else wrong.push(`${path}: ${answer.status} ${text}`);
  };
  const submit = async (turn: number): Promise<void> => {
    const code = turn % exitCodes;
    const json = { app: 'relentless', target: { function: 'count' }, args: ['1', `${last}`, '0.005', `${code}`] };
    const { run } = await daemon.api.json<{ run: Run }>('runs', { json });
    accepted.push({ id: run.id, code });
    await createRuns(daemon.api).wait(run.id);
  };
  const working = [
    ...Array.from({ length: 3 }, async () => await forever(async () => await get('/page', 'page \n'))),
    ...Array.from({ length: 2 }, async () => await forever(async () => await get('/web', 'web /web\n'))),
    ...Array.from({ length: 3 }, async () => await forever(submit)),
  ];
  return {
    answered: () => answered,
    stop: async () => {
      over.abort();
      await Promise.all(working);
      const endings = await Promise.all(accepted.map(async (one) => await endingOf(daemon, one, mayLoseLines)));
      return { answered, accepted: accepted.length, wrong: [...wrong, ...endings.flat()] };
    },
  };
}

async function endingOf(
  { api }: TestDaemon,
  { id, code }: { readonly id: string; readonly code: number },
  mayLoseLines: boolean,
): Promise<string[]> {
  const runs = createRuns(api);
  const { state, exitCode, attempts } = await runs.wait(id);
  const output = (await runs.result(id)).toString();
  const isWhole = mayLoseLines ? readLines(output).wrong === 0 : output === numbers(1, last);
  const isRight = state === (code === 0 ? 'succeeded' : 'failed') && exitCode === code && isWhole;
  return isRight
    ? []
    : [`run ${id}, which had to end with ${code}: ${JSON.stringify({ state, exitCode, attempts, output })}`];
}
