import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { BenchOptions } from './bench.ts';
import { missingRow, type Outcome, type Row } from './document.ts';
import { openDocker, type DockerPeer } from './fresh/docker.ts';
import { openFloor } from './fresh/floor.ts';
import { openGateway, type GatewaySubject } from './fresh/gateway.ts';
import { writeApp } from './fresh/handler.ts';
import { race, type Contestant } from './rounds.ts';
import { summaryOf, type Batch, type Summary } from './statistics.ts';

const rounds = 12;
const together = 8;
/** Operations of a contestant in a round. */
const counts = { alone: 50, together: 120, dockerAlone: 2, dockerTogether: 8 } as const;

const checkout = join(import.meta.dirname, '..', '..');

/**
 * A container per request, through a real daemon and its gateway: one client for the time it takes, eight for how many a
 * second. Beside it the floor and `docker run --rm`.
 */
export async function measureFresh({ signal, against, tell }: BenchOptions): Promise<Outcome> {
  // A folder's own name, without links: the kernel shows it so in the list of mounts.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'minke-bench-')));
  await using opened = new AsyncDisposableStack();
  opened.defer(async () => await rm(folder, { recursive: true, force: true }));
  const appFile = await writeApp(join(folder, 'app'));
  const open = async (name: string, root: string): Promise<GatewaySubject> => {
    const dataFolder = join(folder, name);
    return await openGateway({ appFile, dataFolder, program: join(root, 'bin/minke'), signal });
  };
  const gateway = opened.use(await open('data', checkout));
  const other = against === undefined ? undefined : opened.use(await open('other', resolve(against)));
  const floor = opened.use(await openFloor(gateway.daemon.status, together));
  const docker = opened.use(await openDocker(folder));
  const contestants = [
    ...pair('floor', floor.batch, counts),
    ...pair('minke', gateway.batch, counts),
    ...(other === undefined ? [] : pair('other', other.batch, counts)),
    ...(docker === undefined ? [] : dockers(docker)),
  ];
  const results = await race(contestants, rounds, (round) => {
    signal.throwIfAborted();
    tell(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
  });
  return outcomeOf(results, docker?.version);
}

type RunBatch = (count: number, parallel: number) => Promise<Batch>;

function pair(
  name: string,
  batch: RunBatch,
  count: { readonly alone: number; readonly together: number },
): Contestant[] {
  return [
    { name, batch: async () => await batch(count.alone, 1) },
    { name: `${name} together`, batch: async () => await batch(count.together, together) },
  ];
}

function dockers({ batch }: DockerPeer): Contestant[] {
  const count = { alone: counts.dockerAlone, together: counts.dockerTogether };
  return [
    ...pair('docker', async (operations, parallel) => await batch(operations, parallel, 'bridge'), count),
    { name: 'docker none', batch: async () => await batch(counts.dockerAlone, 1, 'none') },
  ];
}

const titles: Readonly<Record<string, string>> = {
  floor: 'floor: crun run of the same bundle',
  minke: 'minke: request through the gateway',
  other: 'the other checkout of minke',
  docker: 'docker run --rm',
  'docker none': 'docker run --rm --network none',
};

function outcomeOf(results: ReadonlyMap<string, Batch>, dockerVersion: string | undefined): Outcome {
  const summaries = new Map([...results].map(([name, batch]) => [name, summaryOf(batch)]));
  const rows = Object.entries(titles).flatMap(([name, title]): Row[] => {
    const [alone, many] = [summaries.get(name), summaries.get(`${name} together`)];
    const what = name.startsWith('docker') && dockerVersion !== undefined ? `${title} (${dockerVersion})` : title;
    return [
      ...(alone === undefined ? [] : [{ what: `${what}, 1 client`, ...alone }]),
      ...(many === undefined ? [] : [{ what: `${what}, ${together} clients`, ...many }]),
    ];
  });
  const missing = dockerVersion === undefined ? [missingRow('docker run --rm', 'Docker Engine is not installed')] : [];
  return { rows: [...rows, ...missing], ratios: ratiosOf((name) => summaries.get(name)) };
}

function ratiosOf(of: (name: string) => Summary | undefined): Record<string, number> {
  const ratio = (name: string, over: Summary | undefined, under: Summary | undefined, key: keyof Summary) =>
    over === undefined || under === undefined ? {} : { [name]: over[key] / under[key] };
  const [minke, many, other] = [of('minke'), of('minke together'), of('other')];
  return {
    ...ratio('p50VsFloor', minke, of('floor'), 'p50Ms'),
    ...ratio('p99VsFloor', minke, of('floor'), 'p99Ms'),
    ...ratio('dockerVsP50', of('docker'), minke, 'p50Ms'),
    ...ratio('throughputVsFloor', many, of('floor together'), 'perSecond'),
    ...ratio('throughputVsDocker', many, of('docker together'), 'perSecond'),
    ...ratio('p50VsOther', minke, other, 'p50Ms'),
    ...ratio('p99VsOther', minke, other, 'p99Ms'),
    ...ratio('throughputVsOther', many, of('other together'), 'perSecond'),
  };
}
