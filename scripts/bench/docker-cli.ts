import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startOwnDaemon } from '../demo/own-daemon.ts';
import type { BenchOptions } from './bench.ts';
import { startIdleServer } from './docker-cli/idle-server.ts';
import { startDockerEngine, type DockerEngine } from './docker-engine.ts';
import { missingRow, type Outcome } from './document.ts';
import { writeImageRoot } from './fresh/handler.ts';
import { race, timed, type Contestant } from './rounds.ts';
import { summaryOf, type Batch } from './statistics.ts';

const rounds = 12;
/** Operations of a contestant in a round. */
const counts = { minke: 20, docker: 3, idle: 20 } as const;

const execute = promisify(execFile);

/**
 * Stock `docker run --rm IMAGE echo hi`, again and again: the same client and the same image, once at the socket of a real
 * daemon and once at a Docker Engine. Beside it the client at a server that does nothing, which is in both.
 */
export async function measureDockerCli({ signal, tell }: BenchOptions): Promise<Outcome> {
  // A folder's own name, without links: the kernel shows it so in the list of mounts.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'minke-bench-')));
  await using opened = new AsyncDisposableStack();
  opened.defer(async () => await rm(folder, { recursive: true, force: true }));
  const engine = opened.use(await startDockerEngine(join(folder, 'docker')));
  if (engine === undefined) return { rows: [missingRow(line, 'Docker is not installed')], ratios: {} };
  const dataFolder = join(folder, 'data');
  opened.adopt(await startOwnDaemon(signal, { dataFolder }), async (started) => await started.purge());
  const minke = `unix://${join(dataFolder, 'minke.sock')}`;
  const archive = await makeImage(engine, folder);
  await docker(minke, ['load', '--input', archive]);
  const idle = join(folder, 'idle.sock');
  opened.use(await startIdleServer(idle));
  const contestants: Contestant[] = [
    { name: 'minke', batch: async () => await runAgain(counts.minke, minke) },
    { name: 'docker', batch: async () => await runAgain(counts.docker, `unix://${engine.socket}`) },
    { name: 'idle', batch: async () => await runAgain(counts.idle, `unix://${idle}`) },
  ];
  const results = await race(contestants, rounds, (round) => {
    signal.throwIfAborted();
    tell(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
  });
  return outcomeOf(results, engine.version);
}

const image = 'bench-echo';
const line = `docker run --rm ${image} echo hi`;

/** Made in the Docker Engine; answers its archive, so that both have the very same. */
async function makeImage(engine: DockerEngine, folder: string): Promise<string> {
  const [root, archive] = [join(folder, 'root'), join(folder, 'echo.tar')];
  await writeImageRoot(root);
  await symlink('busybox', join(root, 'bin', 'echo'));
  await engine.importImage(root, image);
  await engine.docker(['save', '--output', archive, image]);
  return archive;
}

/** Rejects for any exit code but 0. */
async function docker(
  host: string,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return await execute('docker', ['--host', host, ...args]);
}

const runAgain = async (count: number, host: string): Promise<Batch> =>
  await timed(count, 1, async () => {
    const { stdout, stderr } = await docker(host, ['run', '--rm', image, 'echo', 'hi']);
    if (stdout !== 'hi\n' || stderr !== '') throw new Error(`${line} printed ${JSON.stringify({ stdout, stderr })}`);
  });

function outcomeOf(results: ReadonlyMap<string, Batch>, version: string): Outcome {
  const of = (name: string) => summaryOf(results.get(name) ?? { ms: [], tookMs: 0 });
  const [minke, engine, idle] = [of('minke'), of('docker'), of('idle')];
  return {
    rows: [
      { what: `minke: ${line}`, ...minke },
      { what: `Docker Engine (${version}): ${line}`, ...engine },
      { what: `a server that runs nothing: ${line}`, ...idle },
    ],
    ratios: {
      dockerVsMinke: engine.p50Ms / minke.p50Ms,
      dockerVsNothing: engine.p50Ms / idle.p50Ms,
      dockerVsMinkeLessClient: (engine.p50Ms - idle.p50Ms) / (minke.p50Ms - idle.p50Ms),
    },
  };
}
