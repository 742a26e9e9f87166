import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prefix, routes } from '../../src/api/routes.ts';
import { startOwnDaemon } from '../demo/own-daemon.ts';
import { openStoreFloor } from './accept/floor.ts';
import type { BenchOptions } from './bench.ts';
import type { Outcome } from './document.ts';
import { writeApp } from './fresh/handler.ts';
import { deploy } from './fresh/gateway.ts';
import { openHttpClient, type HttpPeer } from './http-client.ts';
import { race, timed, type Contestant } from './rounds.ts';
import { summaryOf, type Batch } from './statistics.ts';

const rounds = 6;
const connections = 32;
const acceptsInARound = 6000;

const checkout = join(import.meta.dirname, '..', '..');

/**
 * `POST /minke/v1/runs` over connections that are kept to the daemon's socket. The runs begin an hour later, so that nothing else is
 * measured. Beside it the floor: the least that an HTTP server does which puts the same row on disk before it answers.
 */
export async function measureAccept({ signal, tell }: BenchOptions): Promise<Outcome> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'minke-bench-')));
  await using opened = new AsyncDisposableStack();
  opened.defer(async () => await rm(folder, { recursive: true, force: true }));
  const dataFolder = join(folder, 'data');
  await mkdir(dataFolder);
  const appFile = await writeApp(join(folder, 'app'));
  const own = { dataFolder, program: join(checkout, 'bin/minke') };
  const daemon = opened.adopt(await startOwnDaemon(signal, own), async (started) => await started.purge());
  await deploy(daemon, appFile);
  const floor = opened.use(await openStoreFloor(join(folder, 'floor')));
  const body = JSON.stringify({ app: 'bench', target: { function: 'fresh' }, notBefore: Date.now() + 3_600_000 });
  const contestants: Contestant[] = [
    { name: 'minke', batch: async () => await submit({ path: join(dataFolder, 'minke.sock') }, body) },
    { name: 'floor', batch: async () => await submit({ path: floor.socket }, body) },
  ];
  const results = await race(contestants, rounds, (round) => {
    signal.throwIfAborted();
    tell(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
  });
  const [minke, least] = [summaryOf(batchOf(results, 'minke')), summaryOf(batchOf(results, 'floor'))];
  return {
    rows: [
      { what: `minke: POST ${prefix}${routes.runs.path}, ${connections} connections`, ...minke },
      { what: `floor: HTTP and SQLite in one process, ${connections} connections`, ...least },
    ],
    ratios: { perSecond: minke.perSecond, throughputVsFloor: minke.perSecond / least.perSecond },
  };
}

const batchOf = (results: ReadonlyMap<string, Batch>, name: string): Batch => {
  const batch = results.get(name);
  if (batch === undefined) throw new Error(`${name} was not measured`);
  return batch;
};

/** Every answer is a run of its own. */
async function submit(peer: HttpPeer, body: string): Promise<Batch> {
  await using turn = new AsyncDisposableStack();
  const clients = await Promise.all(Array.from({ length: connections }, async () => await openHttpClient(peer)));
  turn.defer(() => clients.forEach((client) => client.close()));
  const ids = new Set<string>();
  const batch = await timed(acceptsInARound, connections, async (worker) => {
    const answer = (await clients[worker]?.post(`${prefix}${routes.runs.path}`, body)) ?? '';
    const id = /^\{"run":\{"id":"([0-9a-f]{64})"/.exec(answer)?.[1];
    if (id === undefined) throw new Error(`the answer was ${answer.slice(0, 300)}`);
    ids.add(id);
  });
  if (ids.size !== acceptsInARound) throw new Error(`${acceptsInARound} runs have ${ids.size} ids`);
  return batch;
}
