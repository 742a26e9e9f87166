import { PassThrough, type Readable, type Writable } from 'node:stream';
import { inspect } from 'node:util';
import type { Clock } from '../../observe/clock.ts';
import type { InstanceExit, InstanceSpec } from '../../model/instance.ts';
import { programOf, type Behaviour, type FakeProcess } from './behaviour.ts';
import { createFakeOutput, type FakeOutput } from './fake-output.ts';

/** One process of the fake host. */
export interface FakeInstance {
  readonly spec: InstanceSpec;
  readonly pid: number;
  readonly address: string | undefined;
  readonly startedAt: number;
  readonly stdin: Writable | undefined;
  /** Only with `streams: pipes`. */
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly output: FakeOutput;
  readonly exited: Promise<InstanceExit>;
  exit(): InstanceExit | undefined;
  signal(signalNumber: number): void;
  /** SIGTERM, `graceMs`, SIGKILL. */
  stop(graceMs: number): Promise<void>;
}

export interface FakeInstanceOptions {
  readonly spec: InstanceSpec;
  readonly behaviour: Behaviour;
  readonly clock: Clock;
  readonly pid: number;
  readonly address: string | undefined;
  /** What it reaches, bound to its life. */
  readonly network: (ended: AbortSignal) => Pick<FakeProcess, 'listen' | 'connect'>;
}

export function startFakeInstance(options: FakeInstanceOptions): FakeInstance {
  const { spec, behaviour, clock, pid, address } = options;
  const life = new AbortController();
  const ended = Promise.withResolvers<InstanceExit>();
  const handlers = new Map<number, () => void>();
  if (behaviour.ignoreTerm === true) handlers.set(15, () => undefined);
  const streams = openStreams(spec, clock);
  let exit: InstanceExit | undefined;
  let isStopping = false;

  const finish = (code: number, cause: InstanceExit['cause']): void => {
    if (exit !== undefined) return;
    exit = { code, cause: isStopping ? 'stopped' : cause, at: clock.now() };
    life.abort();
    streams.end();
    ended.resolve(exit);
  };
  const signal = (signalNumber: number): void => {
    const handler = signalNumber === 9 ? undefined : handlers.get(signalNumber);
    if (handler === undefined) finish(128 + signalNumber, 'exited');
    else handler();
  };
  const stop = async (graceMs: number): Promise<void> => {
    if (exit !== undefined) return;
    isStopping = true;
    if (graceMs > 0) {
      signal(15);
      // Ends early by abort when the process does.
      await clock.sleep(graceMs, life.signal).catch(() => undefined);
    }
    signal(9);
  };

  const process: FakeProcess = {
    spec,
    clock,
    stdin: streams.stdin,
    writeStdout: (bytes) => streams.write('stdout', bytes),
    writeStderr: (bytes) => streams.write('stderr', bytes),
    ended: life.signal,
    onSignal: (signalNumber, handler) => void handlers.set(signalNumber, handler),
    ...options.network(life.signal),
  };
  // Begins a turn later, as a process does after its start was answered.
  setImmediate(() => {
    programOf(behaviour)(process).then(
      (code) => finish(code, behaviour.cause ?? 'exited'),
      (error: unknown) => {
        process.writeStderr(`${inspect(error)}\n`);
        finish(1, 'exited');
      },
    );
  });

  return {
    spec,
    pid,
    address,
    startedAt: clock.now(),
    stdin: spec.stdin === 'open' ? streams.stdin : undefined,
    stdout: spec.streams === 'pipes' ? streams.stdout : undefined,
    stderr: spec.streams === 'pipes' ? streams.stderr : undefined,
    output: streams.output,
    exited: ended.promise,
    exit: () => exit,
    signal,
    stop,
  };
}

function openStreams(spec: InstanceSpec, clock: Clock) {
  const pipes = { stdout: new PassThrough(), stderr: new PassThrough() };
  const stdin = new PassThrough();
  // Writing to a process that is gone is no fault of its writer.
  stdin.on('error', () => undefined);
  if (spec.stdin === 'none') stdin.end();
  const output = createFakeOutput();
  let isOpen = true;
  return {
    ...pipes,
    stdin,
    output,
    write: (stream: 'stdout' | 'stderr', data: string | Uint8Array) => {
      const bytes = Buffer.from(data);
      if (!isOpen || bytes.length === 0) return;
      if (spec.streams === 'pipes') pipes[stream].write(bytes);
      else output.add(stream, bytes, clock.now());
    },
    end: () => {
      isOpen = false;
      stdin.destroy();
      pipes.stdout.end();
      pipes.stderr.end();
      output.end();
    },
  };
}
