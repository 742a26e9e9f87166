import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { Clock } from '../../observe/clock.ts';
import type { InstanceExit, InstanceSpec } from '../../model/instance.ts';

/** What an instance of the fake engine does. Everything absent means: starts at once, says nothing, ends well. */
export interface Behaviour {
  /** Milliseconds until `start` resolves; Infinity = never. */
  readonly startMs?: number;
  /** `start` rejects with INSTANCE_START_FAILED and this reason. */
  readonly failStart?: string;
  /** Address in the app's network; default: the next free one. */
  readonly address?: string;
  /** Written at the start of its life. */
  readonly stdout?: string | Uint8Array;
  readonly stderr?: string | Uint8Array;
  /** Copies stdin to stdout, and ends with it. */
  readonly echoStdin?: boolean;
  /** TCP ports that it answers on. */
  readonly serve?: Readonly<Record<number, SocketHandler>>;
  /** SIGTERM does nothing. */
  readonly ignoreTerm?: boolean;
  /** Milliseconds of life; default: services and `http` functions until they are stopped, all others 0. */
  readonly runMs?: number;
  /** As `runMs`, but the exit code is 1 unless `exitCode` says otherwise. */
  readonly crashAfterMs?: number;
  readonly exitCode?: number;
  /** Why it ended by itself; default `exited`. */
  readonly cause?: InstanceExit['cause'];
  /** Instead of all of the above from `stdout` on: a program. Resolves to its exit code. */
  readonly program?: FakeProgram;
}

/** By `argv` joined with blanks, else by instance name; or decided for each instance. A command in one is looked for by its `argv` alone. */
export type FakeScript = Readonly<Record<string, Behaviour>> | ((spec: InstanceSpec) => Behaviour);

export type FakeProgram = (process: FakeProcess) => Promise<number>;

export type SocketHandler = (socket: Socket) => void;

/** What a program sees of the world. */
export interface FakeProcess {
  readonly spec: InstanceSpec;
  readonly clock: Clock;
  readonly stdin: Readable;
  readonly writeStdout: (bytes: string | Uint8Array) => void;
  readonly writeStderr: (bytes: string | Uint8Array) => void;
  /** Aborted the moment the process ends, however it ends. */
  readonly ended: AbortSignal;
  /** Handles a signal instead of ending by it; SIGKILL (9) cannot be handled. */
  readonly onSignal: (signalNumber: number, handler: () => void) => void;
  readonly listen: (port: number, handler: SocketHandler) => Promise<void>;
  /** Connects to a name of the app's network. */
  readonly connect: (name: string, port: number) => Promise<Socket>;
}

export function behaviourOf(script: FakeScript, spec: InstanceSpec): Behaviour {
  if (typeof script === 'function') return script(spec);
  return script[spec.argv.join(' ')] ?? script[spec.name] ?? {};
}

/** A command in an instance is a process like another, which the script finds by its `argv`; one that it does not know ends well. */
export function behaviourOfCommand(script: FakeScript, spec: InstanceSpec): Behaviour {
  return typeof script === 'function' ? script(spec) : (script[spec.argv.join(' ')] ?? {});
}

/** The program that the fields of a behaviour describe. */
export function programOf(behaviour: Behaviour): FakeProgram {
  return behaviour.program ?? ((process) => playFields(behaviour, process));
}

async function playFields(behaviour: Behaviour, process: FakeProcess): Promise<number> {
  for (const [port, handler] of Object.entries(behaviour.serve ?? {})) {
    await process.listen(Number(port), handler);
  }
  process.writeStdout(behaviour.stdout ?? '');
  process.writeStderr(behaviour.stderr ?? '');
  if (behaviour.echoStdin === true) {
    for await (const chunk of process.stdin) process.writeStdout(chunk);
  }
  await sleepUnbounded(process.clock, lifetimeMs(behaviour, process.spec), process.ended);
  return behaviour.exitCode ?? (behaviour.crashAfterMs === undefined ? 0 : 1);
}

function lifetimeMs(behaviour: Behaviour, spec: InstanceSpec): number {
  const asked = behaviour.crashAfterMs ?? behaviour.runMs;
  if (asked !== undefined) return asked;
  const livesOn = spec.kind === 'service' || spec.kind === 'http' || behaviour.ignoreTerm === true;
  return livesOn && behaviour.echoStdin !== true ? Infinity : 0;
}

/** A timer of Node ends after 2^31 - 1 ms and turns longer ones into 1 ms. */
export async function sleepUnbounded(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  const longestMs = 2 ** 31 - 1;
  for (let left = ms; left > 0; left -= longestMs) await clock.sleep(Math.min(left, longestMs), signal);
}
