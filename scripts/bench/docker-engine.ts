import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

import { startTicks, untilGone } from '../../src/linux/proc.ts';

const execute = promisify(execFile);

/** A real Docker Engine of one's own, for the bench and for tests. */
export interface DockerEngine {
  /** Of the client and of the engine. */
  readonly version: string;
  /** Runs the command line against it. Rejects when that ends with another code than 0. */
  docker(args: readonly string[]): Promise<string>;
  /** Makes an image of the files in a folder. */
  importImage(root: string, name: string): Promise<void>;
  readonly socket: string;
  /** Ends it as the signal does, and starts it again on the same data. */
  restart(signal: NodeJS.Signals): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const startLimitMs = 60_000;
const lookEveryMs = 100;

/** `bridge`: as Docker is. `none`: it makes no network and no packet rule, and sees what others put into /run. */
export type DockerNetworks = 'bridge' | 'none';

/**
 * Starts dockerd on data in `folder`, which must not be long: a socket lies in it. It has a network namespace of its own,
 * so that its bridge and its packet rules go with it, and a mount namespace with a /run of its own. Undefined where Docker
 * is not installed.
 */
export async function startDockerEngine(
  folder: string,
  networks: DockerNetworks = 'bridge',
): Promise<DockerEngine | undefined> {
  if (!(await hasPrograms())) return undefined;
  await mkdir(folder, { recursive: true });
  const [socket, group] = [join(folder, 'docker.sock'), `minke-bench-${basename(folder)}`];
  const makesRunFolder = (await mkdir(runFolder, { recursive: true })) !== undefined;
  let child = launch(folder, socket, group, networks);
  let errors = keepTail(child);
  const docker = async (args: readonly string[]): Promise<string> =>
    (await execute('docker', ['--host', `unix://${socket}`, ...args])).stdout;
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
    await removeGroups(group);
    if (makesRunFolder) await rmdir(runFolder).catch(() => undefined);
  };
  const restart = async (signal: NodeJS.Signals): Promise<void> => {
    await end(child, signal);
    await forgetContainerd(join(folder, 'exec/containerd/containerd.pid'));
    child = launch(folder, socket, group, networks);
    errors = keepTail(child);
    await untilItAnswers(child, docker);
  };
  try {
    const version = await untilItAnswers(child, docker);
    const importImage = async (root: string, name: string): Promise<void> => {
      const tar = join(folder, 'image.tar');
      await execute('tar', ['--create', '--file', tar, '--directory', root, '.']);
      await docker(['import', tar, name]);
    };
    return { version, docker, importImage, socket, restart, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw new Error(`dockerd did not start; its log ends:\n${errors()}`, { cause: error });
  }
}

async function hasPrograms(): Promise<boolean> {
  const found = ['docker', 'dockerd'].map(async (program) => await execute(program, ['--version']));
  const results = await Promise.allSettled(found);
  return results.every(({ status }) => status === 'fulfilled');
}

/** Where dockerd looks for plugins, whatever its folders are. */
const runFolder = '/run/docker';

function launch(folder: string, socket: string, group: string, networks: DockerNetworks): ChildProcess {
  const covered = networks === 'bridge' ? '/run' : runFolder;
  const script = `mount -t tmpfs tmpfs ${covered} && ip link set lo up && exec "$@"`;
  const dockerd = ['dockerd', '--host', `unix://${socket}`, '--pidfile', join(folder, 'pid')];
  const places = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '--cgroup-parent', group];
  const without = [
    '--bridge',
    'none',
    '--iptables=false',
    '--ip6tables=false',
    '--ip-forward=false',
    '--ip-masq=false',
  ];
  const argv = [...dockerd, ...places, ...(networks === 'none' ? without : [])];
  return spawn('unshare', ['--net', '--mount', '--propagation', 'slave', 'sh', '-c', script, 'sh', ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
}

function keepTail(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-5000);
  });
  return () => text;
}

async function untilItAnswers(child: ChildProcess, docker: DockerEngine['docker']): Promise<string> {
  for (const deadline = performance.now() + startLimitMs; ; await delay(lookEveryMs)) {
    try {
      return (await docker(['version', '--format', 'client {{.Client.Version}}, engine {{.Server.Version}}'])).trim();
    } catch (error) {
      if (hasEnded(child) || performance.now() > deadline) throw error;
    }
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

const hasEnded = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid === undefined || exitCode !== null || signalCode !== null;

/** It ends with dockerd; where nobody reaps it (as in a container without an init) the next would take it for one that lives. */
async function forgetContainerd(pidFile: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => '0'));
  const ticks = startTicks(pid);
  const limitMs = 10_000;
  if (ticks !== undefined && !(await untilGone({ pid, ticks }, limitMs)))
    throw new Error('containerd outlived dockerd');
  await rm(pidFile, { force: true });
}

/** dockerd leaves the cgroup that its containers were in. */
async function removeGroups(group: string): Promise<void> {
  const root = '/sys/fs/cgroup';
  const folders = [root, ...(await readdir(root)).map((name) => join(root, name))];
  await Promise.all(folders.map(async (folder) => await rmdir(join(folder, group)).catch(() => undefined)));
}
