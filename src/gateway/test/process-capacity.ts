import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { MinkeError } from '../../errors/index.ts';
import { newId } from '../../model/ids.ts';
import type { InstanceExit } from '../../model/instance.ts';
import type { Capacity, CgiInstance, ConnectOptions, Environment, Upstream } from '../capacity.ts';

/** Instances that are real processes: each function is the shell script that a test gives it. */
export interface ProcessCapacity extends Capacity {
  /** Function name -> script, or -> port of a server that is up. */
  readonly programs: Map<string, string | number>;
  /** How a process that ended is said to have ended, by function name; default `exited`. */
  readonly causes: Map<string, InstanceExit['cause']>;
  /** All that were started, oldest first. */
  readonly started: readonly StartedProcess[];
  /** Connections that `connect` made, oldest first. */
  readonly connections: readonly Socket[];
  /** Leases that were not released. */
  leases(): number;
  /** Resolves with the next process that is started. */
  nextStart(): Promise<StartedProcess>;
}

export interface StartedProcess {
  readonly id: string;
  readonly child: ChildProcess;
  readonly stdout: Socket;
  readonly exited: Promise<InstanceExit>;
  stop(): Promise<void>;
}

export function createProcessCapacity(): ProcessCapacity {
  const programs = new Map<string, string | number>();
  const causes = new Map<string, InstanceExit['cause']>();
  const started: StartedProcess[] = [];
  const wakers: ((one: StartedProcess) => void)[] = [];
  const idle = new Map<string, Socket[]>();
  const connections: Socket[] = [];
  let leases = 0;

  const begin = (name: string, args: readonly string[], env: Environment): StartedProcess & CgiInstance => {
    const instance = startProcess(String(programs.get(name)), args, env, causes.get(name) ?? 'exited');
    started.push(instance);
    for (const wake of wakers.splice(0)) wake(instance);
    return instance;
  };
  const socketFor = async (name: string, { signal, isNew }: ConnectOptions): Promise<Socket> => {
    const kept = isNew === true ? undefined : idle.get(name)?.pop();
    if (kept !== undefined) return kept;
    const port = programs.get(name);
    if (typeof port !== 'number') throw new MinkeError('NO_INSTANCE', { name, reason: 'it is not up' });
    const socket = connectTcp({ port, host: '127.0.0.1' });
    await once(socket, 'connect', { signal });
    socket.on('error', () => undefined);
    connections.push(socket);
    return socket;
  };

  return {
    programs,
    causes,
    started,
    connections,
    leases: () => leases,
    nextStart: () => new Promise((resolve) => wakers.push(resolve)),
    startCgi: async ({ name }, { env, signal }) => {
      signal.throwIfAborted();
      return begin(name, [], env);
    },
    connect: async ({ name }, options): Promise<Upstream> => {
      const socket = await socketFor(name, options);
      leases += 1;
      const release: Upstream['release'] = (state) => {
        leases -= 1;
        if (state?.idle === true) idle.set(name, [...(idle.get(name) ?? []), socket]);
      };
      return { socket, id: newId(), hasEnded: async () => false, release };
    },
    acceptLater: async ({ name }, { args, env, input = Buffer.alloc(0) }) => {
      const { id, stdin } = begin(name, args, env);
      stdin.end(input);
      return id;
    },
    runTask: async ({ name }, { args, input }) => {
      const { id, stdin, stdout: pipe, exited } = begin(name, args, {});
      // What is not read when a child ends, Node throws away.
      const stdout = pipe.pipe(new PassThrough());
      input.pipe(stdin);
      const { code } = await exited;
      if (code === 0) return { run: id, exitCode: 0, stdout };
      const error = new MinkeError('RUN_FAILED', { name, exitCode: code }).toJSON();
      return { run: id, exitCode: code, stdout, error };
    },
  };
}

/** In a process group of its own, which ends as one: as a container does. */
function startProcess(
  script: string,
  args: readonly string[],
  env: Environment,
  cause: InstanceExit['cause'],
): StartedProcess & CgiInstance {
  const child = spawn('/bin/sh', ['-c', script, 'sh', ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const exited = exitOf(child, cause);
  const stop = async (): Promise<void> => {
    killGroup(child);
    await exited;
  };
  const { stdin, stdout, stderr } = child;
  // Node reads a child's pipe through a socket.
  return { id: newId(), child, stdin, stdout: stdout as Socket, stderr, exited, stop };
}

async function exitOf(child: ChildProcess, cause: InstanceExit['cause']): Promise<InstanceExit> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  killGroup(child);
  return { code: code ?? (signal === 'SIGKILL' ? 137 : 143), cause, at: Date.now() };
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // None of the group is left.
  }
}
