import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { MinkeError } from '../../../errors/index.ts';
import type { TerminalSize } from '../../../model/instance.ts';
import { openSocketPair } from '../../../linux/pipe.ts';
import { reapEnded, startProcess, type DescriptorSource } from '../../../linux/process.ts';
import { writePidFile } from '../../../linux/proc.ts';
import type { Clock } from '../../../observe/clock.ts';
import type { Log } from '../../../observe/log.ts';
import { untilSuccess } from '../../../observe/until-success.ts';
import { lineParser, starterDescriptor, type StarterAnswer, type StarterRequest } from './protocol.ts';

/** The daemon's side of the starter. A starter that ends is replaced by the next call; what was under way is STARTER_LOST. */
export interface Starter {
  /** Has one started now, which otherwise the first call does and waits for. */
  begin(): void;
  start(request: StartRequest): Promise<StartedProcess>;
  /** Runs a short program to its end; what it answers with a code other than 0 is the caller's to judge. */
  execute(argv: readonly string[], input?: string, env?: Readonly<Record<string, string>>): Promise<Execution>;
  overlay(mount: { lower: string; upper: string; work: string; target: string }): Promise<void>;
  unmount(target: string): Promise<void>;
  /** Does what may be done twice once more, by the next starter, when one is lost in the middle. */
  untilDone<T>(operate: () => Promise<T>): Promise<T>;
  /** Pid of the living starter, if there is one. */
  readonly pid: number | undefined;
  close(): void;
}

export interface StartRequest {
  readonly argv: readonly string[];
  readonly descriptors: readonly DescriptorSource[];
  /** As in the protocol. */
  readonly terminal?: TerminalSize;
  readonly outlives: boolean;
  readonly isCommand?: boolean;
  readonly pidFile?: string;
}

export interface StartedProcess {
  readonly pid: number;
  /** Pid that the runtime announced; undefined when the process ended without announcing one. */
  readonly announced: Promise<number | undefined>;
  /** Exit code; undefined when the starter was lost first. */
  readonly ended: Promise<number | undefined>;
}

export interface Execution {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Listener = (answer: StarterAnswer | undefined) => void;

export interface StarterOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Remembers the living one, so that the next life of the daemon can wait for its end. */
  readonly pidFile: string;
  readonly onLost?: () => void;
  /** What it will start containers with. */
  readonly runtime: string;
}

/** The first is no longer than the next starter takes; one that is lost again and again must not keep a core busy. */
const pauses = { first: 20, longest: 10_000 };

export function createStarter(options: StarterOptions): Starter {
  const { clock } = options;
  let connection: Connection | undefined;
  const closing = new AbortController();

  const current = (): Connection => {
    closing.signal.throwIfAborted();
    connection ??= connect(options, () => {
      connection = undefined;
      if (!closing.signal.aborted) options.onLost?.();
    });
    return connection;
  };

  const once = async (request: DistributiveOmit<StarterRequest, 'key'>): Promise<Execution> =>
    await new Promise((resolve, reject) => {
      const { send, forget } = current();
      const key = send(request, (answer) => {
        forget(key);
        if (answer?.event === 'done') resolve(answer);
        else reject(failure(request.op, answer));
      });
    });

  return {
    begin: () => void current(),
    start: async (request) =>
      await new Promise((resolve, reject) => {
        const { send, forget } = current();
        const announced = Promise.withResolvers<number | undefined>();
        const ended = Promise.withResolvers<number | undefined>();
        const key = send({ op: 'start', ...request }, (answer) => {
          if (answer?.event === 'started')
            resolve({ pid: answer.pid, announced: announced.promise, ended: ended.promise });
          else if (answer?.event === 'announced') announced.resolve(answer.pid);
          else {
            forget(key);
            reject(failure('start', answer));
            announced.resolve(undefined);
            ended.resolve(answer?.event === 'ended' ? answer.code : undefined);
          }
        });
      }),
    execute: async (argv, input = '', env) =>
      await once({ op: 'execute', argv, input, ...(env === undefined ? {} : { env }) }),
    overlay: async (mount) => void (await once({ op: 'overlay', ...mount })),
    unmount: async (target) => void (await once({ op: 'unmount', target })),
    untilDone: async (operate) =>
      await untilSuccess(operate, { clock, signal: closing.signal, pauses, onFailure: unlessLost }),
    get pid() {
      return connection?.pid;
    },
    close: () => {
      closing.abort(new MinkeError('STARTER_LOST', { name: 'a process' }));
      connection?.socket.destroy();
    },
  };
}

export const isStarterLost = (error: unknown): boolean => error instanceof MinkeError && error.code === 'STARTER_LOST';

function unlessLost(error: unknown): void {
  if (!isStarterLost(error)) throw error;
}

interface Connection {
  readonly pid: number;
  readonly socket: Socket;
  /** Answers the key; `undefined` reaches the listener when the starter is lost. */
  send(request: DistributiveOmit<StarterRequest, 'key'>, listener: Listener): number;
  forget(key: number): void;
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

function connect({ log, pidFile, runtime }: StarterOptions, onLost: () => void): Connection {
  const [ours, theirs] = openSocketPair();
  const pid = launch(theirs, runtime);
  closeSync(theirs);
  writePidFile(pidFile, pid);
  const socket = new Socket({ fd: ours });
  const listeners = new Map<number, Listener>();
  let lastKey = 0;
  socket.on(
    'data',
    lineParser((line) => {
      const answer = JSON.parse(line) as StarterAnswer;
      if (answer.event !== 'ready') listeners.get(answer.key)?.(answer);
    }),
  );
  socket.on('error', (error) => log.warn('The connection to the starter broke', { error }));
  socket.on('close', () => {
    onLost();
    for (const listener of listeners.values()) listener(undefined);
    reapSoon(pid);
  });
  return {
    pid,
    socket,
    send: (request, listener) => {
      const key = ++lastKey;
      listeners.set(key, listener);
      socket.write(`${JSON.stringify({ ...request, key })}\n`);
      return key;
    },
    forget: (key) => listeners.delete(key),
  };
}

/** In a mount namespace of its own, into which mounts of the host still come. */
function launch(socket: number, runtime: string): number {
  const program = fileURLToPath(new URL(`./main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
  // V8's optimizing compiler and its threads would take it from 55 to 65 MB within a thousand starts, and make none quicker.
  const flags = ['--max-semi-space-size=1', '--no-opt', '--single-threaded'];
  const node = [process.execPath, ...flags, program, runtime];
  const env = { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '' };
  return startProcess({
    path: '/usr/bin/unshare',
    argv: ['unshare', '--mount', '--propagation', 'slave', ...node],
    env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')),
    descriptors: [
      { path: '/dev/null', access: 'read' },
      { path: '/dev/null', access: 'write' },
      { fd: 2 },
      { fd: socket },
    ].slice(0, starterDescriptor + 1) as DescriptorSource[],
    ownSession: true,
  });
}

/** It ends a moment after its socket does; a zombie is only a line in the process table, so there is no hurry. */
function reapSoon(pid: number): void {
  const timer = setInterval(() => {
    if (reapEnded(pid) !== undefined) clearInterval(timer);
  }, 50);
  timer.unref();
}

function failure(what: string, answer: StarterAnswer | undefined): MinkeError {
  if (answer?.event === 'failed') return new MinkeError('INSTANCE_START_FAILED', { name: what, reason: answer.reason });
  return new MinkeError('STARTER_LOST', { name: what });
}
