import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { once } from 'node:events';
import { MinkeError } from '../errors/index.ts';
import type { LogChunk, LogOptions } from '../engines/engine.ts';
import type { Id } from '../model/ids.ts';
import type { InstanceExit } from '../model/instance.ts';
import type { LaunchableRun, LaunchedRun, Launcher } from './launcher.ts';

/** A launcher in memory whose instances do what the test says; they outlive the tasks that launched them. */
export interface ScriptedLauncher extends Launcher {
  /** The next launch that no call of this has answered yet. */
  next(): Promise<ScriptedInstance>;
  /** Launched and not ended. */
  living(): readonly ScriptedInstance[];
  /** Every launch so far. */
  readonly launched: readonly ScriptedInstance[];
  readonly removed: ReadonlySet<Id>;
  /** Gone without a trace, as after a reboot. */
  lose(instance: ScriptedInstance): void;
}

export interface Script {
  readonly timeoutMs?: number;
  readonly concurrency?: (target: string) => number;
  /** May take its time, or throw: the launch fails. */
  readonly onLaunch?: (run: LaunchableRun, signal: AbortSignal) => Promise<void> | void;
  /** Whether the n-th instance (from 0) leaves stdin unread, so that input gets stuck; default: reads all of it. */
  readonly isDeaf?: (launch: number) => boolean;
  /** What an instance does when it is stopped; default: ends with 143. */
  readonly onStop?: (instance: ScriptedInstance, graceMs: number) => void;
}

export interface ScriptedInstance {
  readonly run: LaunchableRun;
  readonly attempt: number;
  readonly graces: readonly number[];
  /** All of its stdin. */
  readonly input: Promise<Buffer>;
  write(stream: LogChunk['stream'], output: string | Uint8Array): void;
  exit(code: number, cause?: InstanceExit['cause']): void;
}

interface Kept extends ScriptedInstance {
  readonly chunks: LogChunk[];
  readonly launched: LaunchedRun;
  hasEnded: boolean;
  /** Emits `change` with each chunk and with the end. */
  readonly events: EventTarget;
}

export function createScriptedLauncher(now: () => number, script: Script = {}): ScriptedLauncher {
  const kept = new Map<Id, Kept>();
  const launched: Kept[] = [];
  const removed = new Set<Id>();
  const unseen: Kept[] = [];
  const seers: ((instance: ScriptedInstance) => void)[] = [];

  const show = (instance: Kept): void => {
    launched.push(instance);
    const seer = seers.shift();
    if (seer === undefined) unseen.push(instance);
    else seer(instance);
  };

  return {
    launched,
    removed,
    settings: async (_app, target) => {
      const isKnown = !('function' in target) || target.function !== 'unknown';
      if (!isKnown) throw new MinkeError('TARGET_NOT_FOUND', { target: 'unknown', app: 'shop' });
      return { timeoutMs: script.timeoutMs ?? 0 };
    },
    concurrency: ({ target }) =>
      script.concurrency?.('function' in target ? target.function : target.image) ?? Infinity,
    launch: async (run, attempt, signal) => {
      await script.onLaunch?.(run, signal);
      const instance = makeInstance(run, attempt, now, script, launched.length);
      kept.set(run.instance, instance);
      show(instance);
      return instance.launched;
    },
    adopt: async ({ instance }) => {
      const found = kept.get(instance)?.launched;
      if (found === undefined) return undefined;
      const { stdin: _ended, ...adopted } = found;
      return adopted;
    },
    logs: (instance, options) => readChunks(kept.get(instance), options),
    keptBytes: async (instance) => (kept.get(instance)?.chunks ?? []).reduce((sum, { bytes }) => sum + bytes.length, 0),
    remove: async (instance) => {
      kept.delete(instance);
      removed.add(instance);
    },
    next: async () => unseen.shift() ?? new Promise((resolve) => seers.push(resolve)),
    living: () => launched.filter(({ run, hasEnded }) => !hasEnded && kept.has(run.instance)),
    lose: ({ run }) => void kept.delete(run.instance),
  };
}

function makeInstance(run: LaunchableRun, attempt: number, now: () => number, script: Script, launch: number): Kept {
  const events = new EventTarget();
  const exited = Promise.withResolvers<InstanceExit>();
  const stdin = new PassThrough();
  const graces: number[] = [];
  const changed = (): boolean => events.dispatchEvent(new Event('change'));
  const instance: Kept = {
    run,
    attempt,
    graces,
    events,
    chunks: [],
    hasEnded: false,
    input: script.isDeaf?.(launch) === true ? Promise.resolve(Buffer.alloc(0)) : buffer(stdin),
    write: (stream, output) => {
      instance.chunks.push({ stream, at: now(), bytes: Buffer.from(output) });
      changed();
    },
    exit: (code, cause = 'exited') => {
      instance.hasEnded = true;
      exited.resolve({ code, cause, at: now() });
      changed();
    },
    launched: {
      instance: run.instance,
      startedAt: now(),
      limits: { memoryBytes: 64 * 1024 * 1024, pids: 100, cpus: 0 },
      ...(run.options.stdin === 'open' ? { stdin } : {}),
      exited: exited.promise,
      stop: async (graceMs) => {
        graces.push(graceMs);
        if (script.onStop === undefined) instance.exit(143, 'stopped');
        else script.onStop(instance, graceMs);
      },
    },
  };
  instance.input.catch(() => undefined);
  return instance;
}

async function* readChunks(instance: Kept | undefined, options: LogOptions): AsyncGenerator<LogChunk> {
  if (instance === undefined) throw new MinkeError('INSTANCE_NOT_FOUND', { instance: '' });
  const { follow = false, streams = ['stdout', 'stderr'], signal } = options;
  const isAborted = (): boolean => signal?.aborted === true;
  for (let index = 0; !isAborted(); index += 1) {
    while (follow && index >= instance.chunks.length && !instance.hasEnded) {
      const listening = signal === undefined ? {} : { signal };
      await once(instance.events, 'change', listening).catch(() => undefined);
      if (isAborted()) return;
    }
    const chunk = instance.chunks[index];
    if (chunk === undefined) return;
    if (streams.includes(chunk.stream)) yield chunk;
  }
}
