import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathOf } from '../../src/api/routes.ts';
import { isSettled, type Run } from '../../src/model/run.ts';
import type { BenchOptions } from './bench.ts';
import type { Outcome } from './document.ts';
import { openFloor } from './fresh/floor.ts';
import { openGateway } from './fresh/gateway.ts';
import { answerHead, answerOf, writeApp } from './fresh/handler.ts';
import { openHttpClient, type HttpClient, type HttpPeer } from './http-client.ts';
import { race, timed, type Contestant } from './rounds.ts';
import { summaryOf, type Batch } from './statistics.ts';

const rounds = 10;
/** Containers at once, of minke and of the floor. */
const together = 8;
/** Callers, each of whom waits for the end of a run before the next: as many wait in the lane as run, so that it is never empty. */
const callers = 2 * together;
const runsInARound = 160;

const checkout = join(import.meta.dirname, '..', '..');

/**
 * A run from its call until its caller is told of its end: accepted on disk, a container of its own started, its output kept, its end on
 * disk. Beside it the floor: as many containers at once of the same bundle, with nothing around them.
 */
export async function measureRuns({ signal, tell }: BenchOptions): Promise<Outcome> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'minke-bench-')));
  await using opened = new AsyncDisposableStack();
  opened.defer(async () => await rm(folder, { recursive: true, force: true }));
  const appFile = await writeApp(join(folder, 'app'), { jobsAtOnce: together });
  const dataFolder = join(folder, 'data');
  const own = { appFile, dataFolder, program: join(checkout, 'bin/minke'), signal };
  const { daemon } = opened.use(await openGateway(own));
  const floor = opened.use(await openFloor(daemon.status, together));
  const contestants: Contestant[] = [
    { name: 'minke', batch: async () => await carryOut({ path: join(dataFolder, 'minke.sock') }) },
    { name: 'floor', batch: async () => await floor.batch(runsInARound, together) },
  ];
  const results = await race(contestants, rounds, (round) => {
    signal.throwIfAborted();
    tell(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
  });
  const [minke, least] = [results.get('minke'), results.get('floor')];
  if (minke === undefined || least === undefined) throw new Error('one was not measured');
  return {
    rows: [
      { what: `minke: runs end to end, ${together} at once for ${callers} callers`, ...summaryOf(minke) },
      { what: `floor: crun run of the same bundle, ${together} at once`, ...summaryOf(least) },
    ],
    ratios: { vsFloor: summaryOf(minke).perSecond / summaryOf(least).perSecond },
  };
}

/** Every run has a container of its own, which has written what the run's result is; that is looked at after the time was taken. */
async function carryOut(peer: HttpPeer): Promise<Batch> {
  await using turn = new AsyncDisposableStack();
  const clients = await Promise.all(Array.from({ length: callers }, async () => await openHttpClient(peer)));
  turn.defer(() => clients.forEach((client) => client.close()));
  const settled: Run[] = [];
  const clientOf = (worker: number): HttpClient => {
    const client = clients[worker];
    if (client === undefined) throw new Error(`there is no connection for caller ${worker}`);
    return client;
  };
  const batch = await timed(runsInARound, callers, async (worker) => {
    settled.push(await carryOutOne(clientOf(worker)));
  });
  const instances = new Set<string>();
  for (const { id, state, instance = '' } of settled) {
    const result = await clientOf(0).get(pathOf('runResult', { run: id }));
    if (state !== 'succeeded' || result !== answerHead + answerOf(instance))
      throw new Error(`a run is ${state}, its result ${JSON.stringify(result)}`);
    instances.add(instance);
  }
  if (instances.size !== runsInARound) throw new Error(`${runsInARound} runs had ${instances.size} containers`);
  return batch;
}

const call = JSON.stringify({ app: 'bench', target: { function: 'job' } });

async function carryOutOne(client: HttpClient): Promise<Run> {
  const { run: accepted } = JSON.parse(await client.post(pathOf('runs'), call)) as { readonly run: Run };
  const { run } = JSON.parse(await client.get(pathOf('runWait', { run: accepted.id }))) as { readonly run: Run };
  if (!isSettled(run.state)) throw new Error(`the answer came while the run is ${run.state}`);
  return run;
}
