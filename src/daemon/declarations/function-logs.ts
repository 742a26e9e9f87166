import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Engine, LogChunk, LogOptions } from '../../engines/engine.ts';
import type { Id } from '../../model/ids.ts';
import type { TimelineEvent } from '../../model/timeline.ts';
import type { Store } from '../../store/store.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import type { Instances } from '../parts/instances.ts';
import type { DaemonTimeline } from '../parts/timeline.ts';

export interface FunctionLogParts {
  readonly engine: Pick<Engine, 'logs'>;
  readonly instances: Pick<Instances, 'withLogs'>;
  readonly tasks: Pick<Tasks, 'list'>;
  readonly store: Pick<Store, 'timeline'>;
  readonly timeline: Pick<DaemonTimeline, 'follow' | 'flushed'>;
}

/** So many runs are looked back at. */
const runsShown = 100;

/**
 * What the instances of a function have written: of a task all its latest runs, of an http function those that live and the last that
 * ended, of a cgi function what each request left on stderr, since its stdout is the answer. Followed, it goes on with those
 * that start, until `gone` resolves and what lived then has ended.
 */
export async function* functionLogs(
  parts: FunctionLogParts,
  { app, name, gone }: { readonly app: string; readonly name: string; readonly gone: Promise<unknown> },
  { follow = false, streams = ['stdout', 'stderr'], signal }: LogOptions,
): AsyncGenerator<LogChunk> {
  const { engine, timeline } = parts;
  const merged = new PassThrough({ objectMode: true });
  const ended = signal ?? new AbortController().signal;
  /** No more is read than is asked for. */
  const write = async (chunk: LogChunk): Promise<void> => {
    if (!merged.writable || !streams.includes(chunk.stream)) return;
    if (!merged.write(chunk)) await Promise.race([once(merged, 'drain'), once(merged, 'close')]);
  };
  const copy = async (instance: Id): Promise<void> => {
    for await (const chunk of engine.logs.read(instance, { follow, streams, signal: ended })) await write(chunk);
  };
  const copies = new Map<Id, Promise<void>>();
  const begin = (instance: Id): void => {
    if (!copies.has(instance))
      copies.set(
        instance,
        copy(instance).catch(() => undefined),
      );
  };
  const leave = timeline.follow((event) => {
    if (!follow || event.app !== app || event.name !== name) return;
    if (event.kind === 'instance.started' && event.facts?.['kind'] !== 'cgi' && event.instance !== undefined)
      begin(event.instance);
    for (const chunk of stderrOf(event)) void write(chunk);
  });
  ended.addEventListener('abort', () => merged.end(), { once: true });
  const look = async (): Promise<void> => {
    for (const chunk of await past(parts, app, name)) await write(chunk);
    const before = await instancesOf(parts, app, name);
    if (follow) {
      before.forEach(begin);
      await gone;
      await Promise.all(copies.values());
    } else for (const instance of before) await copy(instance).catch(() => undefined);
    merged.end();
  };
  look().catch((error: unknown) => merged.destroy(error instanceof Error ? error : new Error(String(error))));
  try {
    for await (const chunk of merged) yield chunk as LogChunk;
  } finally {
    leave();
    merged.destroy();
  }
}

async function past({ store, timeline }: FunctionLogParts, app: string, name: string): Promise<readonly LogChunk[]> {
  await timeline.flushed();
  const chunks: LogChunk[] = [];
  for (const event of await store.timeline.list({ app })) if (event.name === name) chunks.push(...stderrOf(event));
  return chunks;
}

function stderrOf({ kind, at, facts }: TimelineEvent): readonly LogChunk[] {
  const text = facts?.['stderr'];
  if (kind !== 'call' || typeof text !== 'string' || text === '') return [];
  return [{ stream: 'stderr', at, bytes: Buffer.from(text.endsWith('\n') ? text : `${text}\n`) }];
}

/** Oldest first. */
async function instancesOf({ instances, tasks }: FunctionLogParts, app: string, name: string): Promise<readonly Id[]> {
  const runs = await tasks.list({ app, function: name, limit: runsShown });
  return [
    ...instances.withLogs(app).flatMap((one) => (one.name === name ? [one.id] : [])),
    ...runs.toReversed().flatMap(({ instance }) => instance ?? []),
  ];
}
