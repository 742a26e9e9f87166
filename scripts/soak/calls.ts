import { createRuns, type Runs } from '../../src/sdk/runs.ts';
import type { Run } from '../../src/model/run.ts';
import type { TestDaemon } from '../../test/integration/daemon.ts';
import { fixtureApp } from '../../test/integration/isolation-fixtures.ts';
import { numbers } from '../../test/integration/restart-host.ts';
import { processesOf, residentMb, rolesOf } from '../../test/integration/voting-host.ts';
import { changesSince, worldAtRest } from '../../test/integration/world.ts';
import { timed } from '../bench/rounds.ts';
import { openInspector } from './inspector.ts';
import type { Figure, Soak, SoakOptions } from './soak.ts';
import { onDaemon } from './on-daemon.ts';

const total = 1000;
/** After so many, everything that is kept for good has been made: the rest may add nothing. */
const warmUp = 200;
const parallel = 8;
/** What a heap that is collected leaves between its pages, in MB. */
const memorySlackMb = 10;
/** Of the small process that starts all others (ARCHITECTURE.md). */
const starterMb = 60;

/** Requests and runs of every ending, eight at a time; afterwards the host is as it was. */
export const calls: Soak = {
  about: `${total} requests and ${total} runs leave nothing behind`,
  run: async (options) => await onDaemon(options, measure, { environment: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } }),
};

const nothing = { op: '==', value: 0 } as const;

async function measure(daemon: TestDaemon, { scale, signal, tell }: SoakOptions): Promise<readonly Figure[]> {
  await daemon.up(fixtureApp('steady'));
  const caller = callerOf(daemon, signal);
  const first = await stretch(daemon, Math.round(warmUp * scale), caller);
  tell(`${first.count} of each are done: ${first.memoryMb} MB resident`);
  const before = await worldAtRest(daemon);
  const second = await stretch(daemon, Math.round((total - warmUp) * scale), caller);
  const changes = await changesSince(before, daemon);
  const starter = processesOf(daemon.dataFolder).find((one) => rolesOf([one])[0] === 'starter')?.pid ?? 0;
  for (const change of changes) tell(`not as it was: ${change}`);
  const count = first.count + second.count;
  return [
    { what: 'requests, and as many runs', value: count, unit: 'calls' },
    { what: 'of each a second', value: Math.round((1000 * second.count) / second.tookMs), unit: '1/s' },
    { what: `resident after ${first.count}`, value: first.memoryMb, unit: 'MB' },
    { what: `resident after ${count}`, value: second.memoryMb, unit: 'MB', ...memoryLimit(scale, first.memoryMb) },
    { what: 'resident of the starter', value: residentMb(starter), unit: 'MB', limit: { op: '<=', value: starterMb } },
    { what: 'changes of the host', value: changes.length, unit: 'lines', limit: nothing },
  ];
}

/** Fewer calls than the promise is about say nothing about it: the heap is still growing into its size. */
const memoryLimit = (scale: number, firstMb: number): Pick<Figure, 'limit'> =>
  scale < 1 ? {} : { limit: { op: '<=', value: firstMb + memorySlackMb } };

interface Stretch {
  readonly count: number;
  readonly tookMs: number;
  readonly memoryMb: number;
}

async function stretch(daemon: TestDaemon, count: number, caller: Caller): Promise<Stretch> {
  let next = 0;
  const { tookMs } = await timed(count, parallel, async () => {
    const kind = next++ % 10;
    await Promise.all([caller.request(kind), caller.run(kind)]);
  });
  const inspector = await openInspector(daemon.log());
  await inspector.collectGarbage();
  const memoryMb = residentMb(daemon.pid);
  inspector.close();
  return { count, tookMs, memoryMb };
}

interface Caller {
  request(kind: number): Promise<void>;
  run(kind: number): Promise<void>;
}

/** Of ten calls most succeed; the others end in every other way there is. Each is checked. */
function callerOf(daemon: TestDaemon, signal: AbortSignal): Caller {
  const runs = createRuns(daemon.api);
  return {
    request: async (kind) => {
      signal.throwIfAborted();
      if (kind === 8) await leaveEarly(daemon);
      else if (kind === 9) await expectPage(daemon, { method: 'POST', body: 'x'.repeat(100_000) });
      else await expectPage(daemon, {});
    },
    run: async (kind) => {
      const [first, last] = [1, 3];
      if (kind < 6) await expectRun(daemon, runs, { args: [first, last] }, 'succeeded', numbers(first, last));
      else if (kind === 6)
        await expectRun(daemon, runs, { args: [first, last, '', 7] }, 'failed', numbers(first, last));
      else if (kind === 7) await expectRun(daemon, runs, { args: [1, 9, 10], timeoutMs: 200 }, 'timed-out');
      else if (kind === 8) await expectRun(daemon, runs, { args: [1, 9, 10], isCancelled: true }, 'cancelled');
      else await expectRun(daemon, runs, { args: [1, 2000] }, 'succeeded', numbers(1, 2000));
    },
  };
}

async function expectPage({ gateway }: TestDaemon, init: RequestInit): Promise<void> {
  const answer = await fetch(`${gateway}/page`, init);
  const text = await answer.text();
  if (answer.status !== 200 || text !== 'page \n') throw new Error(`the page was ${answer.status} ${text}`);
}

/** The answer has begun, and its end is not waited for. */
async function leaveEarly({ gateway }: TestDaemon): Promise<void> {
  const leaving = new AbortController();
  const answer = await fetch(`${gateway}/page?60`, { signal: leaving.signal });
  leaving.abort();
  if (answer.status !== 200) throw new Error(`the page was ${answer.status}`);
}

interface RunCase {
  readonly args: readonly (string | number)[];
  readonly timeoutMs?: number;
  readonly isCancelled?: boolean;
}

async function expectRun(
  { api }: TestDaemon,
  runs: Runs,
  { args, timeoutMs, isCancelled = false }: RunCase,
  state: string,
  output?: string,
): Promise<void> {
  const options = { stopGraceMs: 100 };
  const json = { app: 'steady', target: { function: 'count' }, args: args.map(String), timeoutMs, options };
  const { run } = await api.json<{ run: Run }>('runs', { json });
  if (isCancelled) await runs.cancel(run.id);
  const settled = await runs.wait(run.id);
  if (settled.state !== state) throw new Error(`the run was to be ${state}: ${JSON.stringify(settled)}`);
  const written = output === undefined ? undefined : (await runs.result(run.id)).toString();
  if (written !== output) throw new Error(`the run ${run.id} wrote ${JSON.stringify(written?.slice(0, 200))}`);
}
