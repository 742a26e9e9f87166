import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { constants } from 'node:os';
import { PassThrough, Readable } from 'node:stream';
import { MinkeError } from '../errors/index.ts';
import type { LogChunk, LogOptions } from '../engines/engine.ts';
import { newId, type Id } from '../model/ids.ts';
import { isSettled, type Run, type RunState } from '../model/run.ts';
import type {
  Container,
  LifeEvent,
  ContainerRequest,
  Containers,
  Images,
  Lineage,
  LocalImage,
  NamedTarget,
} from './containers.ts';
import { createProcessEngine, type ProcessEngine } from './process-engine.fixture.ts';
import { fullReference } from './targets.ts';

/** Containers that are plain processes of this machine: real output, real exits, no isolation. For tests. */
export interface ProcessContainers extends Containers {
  readonly engine: ProcessEngine;
  readonly requests: ContainerRequest[];
  /** What `lineage` answers. */
  place: Lineage;
  endAll(): Promise<void>;
}

interface Entry {
  container: Container;
  readonly stdin: PassThrough;
  readonly chunks: LogChunk[];
  readonly changes: EventEmitter;
  child?: ChildProcess;
}

export function createProcessContainers(images: Images, functions: readonly NamedTarget[] = []): ProcessContainers {
  const entries = new Map<Id, Entry>();
  const requests: ContainerRequest[] = [];
  const of = (id: Id): Entry => {
    const entry = entries.get(id);
    if (entry === undefined) throw new MinkeError('RUN_NOT_FOUND', { run: id });
    return entry;
  };
  const settled = async (id: Id, signal?: AbortSignal): Promise<Run> => {
    const entry = of(id);
    while (!isSettled(entry.container.run.state))
      await once(entry.changes, 'change', signal === undefined ? {} : { signal });
    return entry.container.run;
  };
  const listeners = new Set<(event: LifeEvent) => void>();
  const tell = (action: LifeEvent['action'], { container }: Entry): void => {
    for (const listener of listeners) listener({ action, container, at: Date.now() });
  };
  const engine = createProcessEngine((id) => entries.get(id)?.child);
  const asSeen = ({ container }: Entry): Container => ({
    ...container,
    isPaused: engine.controls.isPaused(container.run.id),
  });
  const self: ProcessContainers = {
    engine,
    requests,
    place: { depth: 0, living: 0 },
    async create(request) {
      requests.push(request);
      const image = await imageOf(images, request, functions);
      const container = {
        run: runOf(request),
        isStarted: false,
        image: { id: image.id, reference: image.references[0] ?? '' },
      };
      entries.set(container.run.id, {
        container,
        stdin: new PassThrough(),
        chunks: [],
        changes: new EventEmitter().setMaxListeners(0),
      });
      return container;
    },
    async start(id) {
      const entry = of(id);
      if (entry.container.isStarted)
        throw new MinkeError('NOT_SUPPORTED', {
          what: 'Starting a container that has ended',
          reason: 'a run happens once',
        });
      const image = await images.find(entry.container.image.id);
      begin(entry, image);
      tell('start', entry);
      void settled(id).then(({ options }) => {
        tell('die', entry);
        if (options.keep !== true) tell('destroy', entry);
      });
    },
    restart: async () => {
      throw new MinkeError('NOT_SUPPORTED', { what: 'Restarting a container', reason: 'a run happens once' });
    },
    observe: (listener) => void listeners.add(listener),
    changes: async () => [],
    withFiles: async () => {
      throw new MinkeError('NOT_SUPPORTED', { what: 'Copying files', reason: 'a process has none of its own' });
    },
    async find(reference, { parent }) {
      const mine = [...entries.values()].map(asSeen).filter(({ run }) => parent === undefined || run.parent === parent);
      return (
        mine.find(({ run }) => run.id === reference || run.options.name === reference) ??
        mine.find(({ run }) => run.id.startsWith(reference))
      );
    },
    list: async ({ parent }) =>
      [...entries.values()]
        .map(asSeen)
        .filter(({ run }) => parent === undefined || run.parent === parent)
        .toReversed(),
    settled,
    logs: (id, options) => readLogs(of(id), options),
    input: async (id) => of(id).stdin,
    async kill(id, signalNumber) {
      of(id).child?.kill(signalNumber);
      if (engine.controls.isPaused(id)) await engine.controls.resume(id);
    },
    async stop(id, graceMs) {
      of(id).child?.kill('SIGTERM');
      const late = setTimeout(() => of(id).child?.kill('SIGKILL'), graceMs);
      await settled(id);
      clearTimeout(late);
    },
    async cancel(id, reason) {
      const entry = of(id);
      move(entry, 'cancelled', { exitCode: 137, error: { code: 'RUN_CANCELLED', message: reason } });
      entry.child?.kill('SIGKILL');
    },
    async change(id, options) {
      const entry = of(id);
      const { run } = entry.container;
      entry.container = { ...entry.container, run: { ...run, options: { ...run.options, ...options } } };
    },
    async remove(id) {
      of(id);
      entries.delete(id);
    },
    functions: async () => functions,
    lineage: async () => self.place,
    async endAll() {
      const live = [...entries.values()].filter(
        ({ child }) => child !== undefined && child.exitCode === null && child.signalCode === null,
      );
      await Promise.all(
        live.map(async ({ child }) => {
          const exit = child === undefined ? undefined : once(child, 'exit');
          child?.kill('SIGKILL');
          await exit;
        }),
      );
    },
  };
  return self;
}

async function imageOf(
  images: Images,
  { target }: ContainerRequest,
  functions: readonly NamedTarget[],
): Promise<LocalImage> {
  const reference = 'image' in target ? target.image : functions.find(({ name }) => name === target.function)?.image;
  const image = await images.find(reference ?? '');
  if (image === undefined)
    throw new MinkeError('IMAGE_NOT_FOUND', { image: reference ?? '', reason: 'it is not there' });
  return image;
}

function runOf({ app, target, args, env, options, parent }: ContainerRequest): Run {
  const id = newId();
  return {
    id,
    app,
    target,
    args,
    env,
    options,
    state: 'queued',
    attempts: 0,
    createdAt: Date.now(),
    timeoutMs: 0,
    ...(parent && { parent }),
  };
}

function begin(entry: Entry, image: LocalImage | undefined): void {
  const { run } = entry.container;
  const { entrypoint = image?.config.entrypoint ?? [], workdir } = run.options;
  const [program = '', ...args] = [...entrypoint, ...(run.args.length > 0 ? run.args : (image?.config.command ?? []))];
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], ...run.env },
    ...(workdir !== undefined && { cwd: workdir }),
  });
  entry.child = child;
  entry.container = { ...entry.container, isStarted: true };
  move(entry, 'running', { startedAt: Date.now(), instance: run.id });
  if (run.options.stdin === 'open') entry.stdin.pipe(child.stdin);
  else child.stdin.end();
  child.stdin.on('error', () => undefined);
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (bytes: Buffer) => {
      entry.chunks.push({ stream, at: Date.now(), bytes });
      entry.changes.emit('change');
    });
  }
  child.once('error', (error) =>
    move(entry, 'failed', { error: { code: 'INSTANCE_START_FAILED', message: error.message } }),
  );
  child.once('close', (code, signal) => {
    const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
    move(entry, exitCode === 0 ? 'succeeded' : 'failed', { exitCode });
  });
}

function move(entry: Entry, state: RunState, patch: Partial<Run>): void {
  const { run } = entry.container;
  if (isSettled(run.state)) return;
  entry.container = {
    ...entry.container,
    run: { ...run, ...patch, state, ...(isSettled(state) && { endedAt: Date.now() }) },
  };
  entry.changes.emit('change');
}

async function* readLogs(entry: Entry, { follow = false, streams, signal }: LogOptions): AsyncIterable<LogChunk> {
  for (let next = 0; signal?.aborted !== true;) {
    const isOver = !follow || isSettled(entry.container.run.state);
    for (; next < entry.chunks.length; next += 1) {
      const chunk = entry.chunks[next];
      if (chunk !== undefined && (streams?.includes(chunk.stream) ?? true)) yield chunk;
    }
    if (isOver && next === entry.chunks.length) return;
    if (!isOver && !isSettled(entry.container.run.state)) {
      await once(entry.changes, 'change', signal === undefined ? {} : { signal }).catch(() => undefined);
    }
  }
}

const config = {
  entrypoint: [],
  command: ['true'],
  env: {},
  workdir: '/',
  user: '',
  exposedPorts: [80],
  labels: {},
  volumes: [],
};

/** Images by name only; what they would hold is this machine. */
export function createNamedImages(...references: string[]): Images {
  const images = references.map((reference, index): LocalImage => {
    const id = `sha256:${String(index + 1).padStart(64, '0')}`;
    return { id, references: [reference], createdAt: 0, sizeBytes: 1000, config, layers: [] };
  });
  return {
    find: async (reference) =>
      images.find(
        ({ id, references: [own] }) => id === reference || own === reference || own === `${reference}:latest`,
      ),
    list: async () => images,
    async pull(reference, { onProgress }) {
      const image = images.find(
        ({ references: [own] }) => own !== undefined && fullReference(own) === fullReference(reference),
      );
      if (image === undefined)
        throw new MinkeError('IMAGE_NOT_FOUND', { image: reference, reason: 'its registry does not have it' });
      onProgress({ doneBytes: 1000, totalBytes: 1000 });
      return image;
    },
    save: async () => Readable.from(['an archive']),
    history: async () => [{ createdAt: 0, command: 'made', comment: '', sizeBytes: 1000 }],
    async tag(reference, name) {
      const image = images.find(({ references: [own] }) => own === reference);
      if (image !== undefined) images.push({ ...image, references: [name] });
    },
    async remove(reference) {
      const at = images.findIndex(({ id, references: [own] }) => id === reference || own === reference);
      if (at >= 0) images.splice(at, 1);
    },
    used: async () => new Set(),
    sweep: async () => ({ images: [], freedBytes: 0 }),
    async load(archive) {
      for await (const _ of archive) void _;
      return images.slice(0, 1);
    },
  };
}
