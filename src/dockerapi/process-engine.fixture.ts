import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { CommandEnd } from '../engines/command.ts';
import type { Controls, Usage } from '../engines/controls.ts';
import type { Command, Engine } from '../engines/engine.ts';
import { MinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import type { InstanceLimits } from '../model/instance.ts';

export interface ProcessEngine extends Pick<Engine, 'execute' | 'inspect'> {
  readonly controls: Controls;
  /** What was set last. */
  readonly limits: Map<Id, InstanceLimits>;
}

/** What the Docker API asks of an engine, of containers that are plain processes of this machine. */
export function createProcessEngine(childOf: (instance: Id) => ChildProcess | undefined): ProcessEngine {
  const paused = new Set<Id>();
  const limits = new Map<Id, InstanceLimits>();
  const living = (id: Id): ChildProcess => {
    const child = childOf(id);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      throw new MinkeError('INSTANCE_NOT_FOUND', { instance: id });
    return child;
  };
  return {
    limits,
    execute: async (id, command) => {
      living(id);
      return await executeHere(command);
    },
    inspect: async (id) => ({ state: 'running', pid: living(id).pid ?? 0 }),
    controls: {
      pause: async (id) => {
        living(id).kill('SIGSTOP');
        paused.add(id);
      },
      resume: async (id) => {
        living(id).kill('SIGCONT');
        paused.delete(id);
      },
      isPaused: (id) => paused.has(id),
      resize: (id) => living(id).pid !== undefined,
      limit: async (id, wanted) => void limits.set(id, wanted),
      measure: async (id) => {
        living(id);
        return usage;
      },
      processes: (id) => [living(id).pid ?? 0],
    },
  };
}

const usage: Usage = {
  cpuNs: 5_000_000,
  memoryNowBytes: 4096,
  memoryMostBytes: 8192,
  memoryFileBytes: 1024,
  memoryLimitBytes: 0,
  processesNow: 1,
  processesLimit: 0,
  network: { name: 'eth0', receivedBytes: 1, receivedPackets: 1, sentBytes: 2, sentPackets: 2 },
};

async function executeHere({ argv, env, workdir, attached }: Command): Promise<CommandEnd> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], ...env },
    ...(workdir !== undefined && { cwd: workdir }),
  });
  const failed = new Promise<CommandEnd>((resolve) =>
    child.once('error', (error) => resolve({ code: 127, cause: 'exited', output: Buffer.from(error.message) })),
  );
  child.stdin.on('error', () => undefined);
  if (attached?.stdin !== 'open') child.stdin.end();
  if (child.pid !== undefined)
    attached?.begun({
      pid: child.pid,
      ...(attached.stdin === 'open' ? { stdin: child.stdin } : {}),
      stdout: child.stdout,
      stderr: child.stderr,
      resize: () => false,
    });
  const ended = once(child, 'close').then(([code, signal]): CommandEnd => {
    const known = signal === null ? 0 : constants.signals[signal as NodeJS.Signals];
    return { code: code ?? 128 + known, cause: 'exited', output: Buffer.alloc(0) };
  });
  return await Promise.race([failed, ended]);
}
