import { join } from 'node:path';
import { startDockerEngine } from '../docker-engine.ts';
import { timed } from '../rounds.ts';
import type { Batch } from '../statistics.ts';
import { answerHead, answerOf, handlerCommand, writeImageRoot } from './handler.ts';

/** The handler under `docker run --rm` on a Docker Engine. */
export interface DockerPeer {
  readonly version: string;
  batch(count: number, parallel: number, network: 'bridge' | 'none'): Promise<Batch>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Undefined where Docker is not installed. */
export async function openDocker(folder: string): Promise<DockerPeer | undefined> {
  await using opened = new AsyncDisposableStack();
  const engine = opened.use(await startDockerEngine(join(folder, 'docker')));
  if (engine === undefined) return undefined;
  const root = join(folder, 'root');
  await writeImageRoot(root);
  await engine.importImage(root, 'fresh');
  const kept = opened.move();
  let last = 0;
  return {
    version: engine.version,
    batch: async (count, parallel, network) =>
      await timed(count, parallel, async () => {
        const instance = `peer${++last}`;
        const options = ['--rm', '--network', network, '--env', `MINKE_INSTANCE=${instance}`];
        const output = await engine.docker(['run', ...options, 'fresh', ...handlerCommand]);
        if (output !== answerHead + answerOf(instance)) throw new Error(`docker run printed ${JSON.stringify(output)}`);
      }),
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  };
}
