import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDockerEngine, type DockerEngine } from '../../scripts/bench/docker-engine.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { leftoversIn } from './docker-subject.ts';

export interface OnEngine {
  readonly daemon: TestDaemon;
  /** Ends it, and the Docker Engine below it; resolves with what is left of it on the host and in there. */
  purge(): Promise<readonly string[]>;
}

/** A daemon with this engine. */
export async function startOn(engine: 'sandbox' | 'docker'): Promise<OnEngine> {
  if (engine === 'docker') return await startOnDocker();
  const daemon = await startDaemon({ environment: { MINKE_ENGINE: engine } });
  return { daemon, purge: daemon.purge };
}

/** A daemon on a Docker Engine that nobody else has. */
export async function startOnDocker(): Promise<OnEngine & { readonly docker: DockerEngine }> {
  const docker = await startOwnDocker();
  const daemon = await startDaemon({ environment: onDocker(docker) });
  return {
    daemon,
    docker,
    purge: async () => {
      const left = [...(await daemon.purge()), ...(await leftoversIn(docker, daemon.dataFolder))];
      await docker[Symbol.asyncDispose]();
      return left;
    },
  };
}

/** Where its programs are installed. */
export async function startOwnDocker(): Promise<DockerEngine> {
  const docker = await startDockerEngine(mkdtempSync(join(tmpdir(), 'mdk-')), 'none');
  if (docker === undefined) throw new Error('The programs are there and do not run');
  return docker;
}

/** Of a daemon that is to have its services there. */
export const onDocker = ({ socket }: DockerEngine): Readonly<Record<string, string>> => ({
  MINKE_ENGINE: 'docker',
  DOCKER_HOST: `unix://${socket}`,
});
