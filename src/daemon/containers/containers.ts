import { constants } from 'node:os';
import type { Container, ContainerRequest, Containers, LifeEvent } from '../../dockerapi/containers.ts';
import type { Engine, Roots } from '../../engines/engine.ts';
import { MinkeError } from '../../errors/index.ts';
import type { ImageStore } from '../../image/store.ts';
import type { Id } from '../../model/ids.ts';
import { isSettled, type Run } from '../../model/run.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import { orAborted } from '../../observe/or-aborted.ts';
import type { Store } from '../../store/store.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import { imageReference, type Catalog } from '../parts/catalog.ts';
import type { Instances } from '../parts/instances.ts';
import { lineageOf } from '../parts/lineage.ts';
import type { RunNetworks } from '../parts/run-networks.ts';
import type { Volumes } from '../parts/volumes.ts';
import { attendHealth } from './attend-health.ts';
import { decideAgain } from './decide-again.ts';
import { currentRun, type Kept } from './kept.ts';
import { createLives, unlessSettled, type Lives } from './lives.ts';
import { createFinding } from './finding.ts';
import { readLives } from './read-lives.ts';
import { createViews } from './views.ts';

export interface ContainersOptions {
  readonly tasks: Tasks;
  readonly store: Pick<Store, 'containers'>;
  readonly engine: Engine;
  readonly instances: Instances;
  readonly catalog: Catalog;
  readonly images: ImageStore;
  readonly networks: Pick<RunNetworks, 'portsOf'>;
  readonly volumes: Pick<Volumes, 'remove'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The Docker API's containers: the operator's, which live as often as they are started, and runs, which happen once. */
export function createContainers(options: ContainersOptions): Containers & Pick<Lives, 'recover' | 'close'> {
  const { tasks, store, engine, instances, catalog, images, volumes, clock, log } = options;
  const views = createViews(options);
  const listeners = new Set<(event: LifeEvent) => void>();
  const tell = (event: LifeEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const lives = createLives({
    tasks,
    store: store.containers,
    roots: engine.roots,
    clock,
    log,
    tell: (action, kept, run) => tell({ action, container: views.ofLife(kept, run), at: clock.now() }),
    attend: (kept, run, signal) => {
      attendHealth({ engine, instances, images, clock, log }, kept, run, signal, (health) => {
        tell({ action: `health_status: ${health.state}`, container: views.ofLife(kept, run), at: clock.now() });
      }).catch((error: unknown) => {
        if (!signal.aborted) log.error('The health of a container is not looked after', { run: run.id, error });
      });
    },
    discard: async ({ id, options: { mounts = [] } }) => {
      const others = lives.list().filter(({ record }) => record.id !== id);
      const used = new Set(others.flatMap(({ record }) => (record.options.mounts ?? []).map(({ source }) => source)));
      for (const { isNameless, source } of mounts)
        if (isNameless === true && source !== undefined && !used.has(source))
          volumes.remove({ name: source, external: false });
    },
  });

  const finding = createFinding(tasks, lives);

  const find = async (id: Id): Promise<Run> => {
    const run = await tasks.get(id);
    if (run === undefined) throw new MinkeError('RUN_NOT_FOUND', { run: id });
    return run;
  };

  const watchSingle = async (id: Id): Promise<void> => {
    const run = await begun(tasks.begun(id));
    tell({ action: 'start', container: await views.ofRun(run), at: clock.now() });
    tasks
      .wait(id)
      .then(async (ended) => {
        const container = await views.ofRun(ended);
        tell({ action: 'die', container, at: clock.now() });
        if (ended.options.keep !== true) tell({ action: 'destroy', container, at: clock.now() });
      })
      .catch((error: unknown) => log.debug('The end of a container was not seen', { run: id, error }));
  };

  /** Asks it by another signal than its own, and waits for as long as it may take: the grace that is left. */
  const signalFirst = async (id: Id, graceMs: number, signalNumber: number | undefined): Promise<number> => {
    const run = signalNumber === undefined ? undefined : await tasks.get(runOf(id));
    if (signalNumber === undefined || run?.instance === undefined || isSettled(run.state) || graceMs === 0)
      return graceMs;
    const kept = lives.get(id);
    if (kept !== undefined) await lives.markStopped(kept);
    await engine.kill(run.instance, signalNumber);
    await tasks.wait(run.id, { timeoutMs: graceMs });
    return 0;
  };

  /** @throws NOT_SUPPORTED for one that has none */
  const keptRoot = (id: Id, what: string): { readonly kept: Kept; readonly roots: Roots } => {
    const kept = lives.get(id);
    const { roots } = engine;
    if (kept !== undefined && roots !== undefined && kept.record.options.readOnlyRoot !== true) return { kept, roots };
    throw new MinkeError('NOT_SUPPORTED', { what, reason: 'what it has written goes with its end; use a volume' });
  };

  const runOf = (id: Id): Id => currentRunOf(lives.get(id)) ?? id;
  const joinedRun = async (id: Id): Promise<Id> => {
    const kept = lives.get(id);
    return kept === undefined ? id : await lives.joined(kept);
  };

  return {
    recover: lives.recover,
    close: lives.close,
    observe: (listener) => void listeners.add(listener),
    create: async (request) => {
      if (request.options.restart !== undefined) requireRoots(engine);
      const image = await pinnedImage(images, request);
      return image === undefined
        ? await views.ofRun(await tasks.create(request))
        : await views.ofKept(await lives.create(request, image));
    },
    start: async (id) => {
      const kept = lives.get(id);
      if (kept !== undefined) {
        if (kept.record.runs.length > 0 && kept.isIdle) requireRoots(engine);
        await begun(lives.start(kept));
        return;
      }
      if (!tasks.isDraft(id)) throw happensOnce('Starting a container that has ended');
      await tasks.start(id);
      await watchSingle(id);
    },
    restart: async (id, graceMs, signalNumber) => {
      const kept = lives.get(id);
      if (kept === undefined) throw happensOnce('Restarting a container');
      requireRoots(engine);
      await begun(lives.restart(kept, async () => await signalFirst(id, graceMs, signalNumber)));
    },
    find: async (reference, { parent }) => {
      const kept = parent === undefined ? finding.kept(reference) : undefined;
      if (kept !== undefined) return await views.ofKept(kept);
      const run = await finding.single(reference, parent);
      return run === undefined ? undefined : await views.ofRun(run);
    },
    list: async ({ parent }) => {
      const kept = parent === undefined ? await Promise.all(lives.list().map(views.ofKept)) : [];
      const others = await Promise.all((await finding.singles(parent)).map(views.ofRun));
      return [...kept, ...others].toSorted((one, other) => other.run.createdAt - one.run.createdAt);
    },
    settled: async (id, signal, { isNext = false } = {}) => {
      const kept = lives.get(id);
      if (kept === undefined || isNext) return asContainer(await tasks.wait(await joinedRun(id), { signal }), id);
      while (!kept.isIdle) {
        const run = await tasks.wait(runOf(id), { signal });
        if (decideAgain(kept.record, run) === undefined) return asContainer(run, id);
        await orAborted(kept.done, signal);
        signal.throwIfAborted();
      }
      return asContainer(await tasks.wait(runOf(id), { signal }), id);
    },
    logs: (id, { isOneLife = false, ...logOptions }) => {
      const kept = lives.get(id);
      if (kept === undefined) return tasks.logs(id, logOptions);
      return readLives({ tasks, kept, joined: lives.joined, isOneLife }, logOptions);
    },
    input: async (id) => tasks.attachInput(await joinedRun(id)),
    kill: async (id, number) => {
      const { instance } = await find(runOf(id));
      const kept = lives.get(id);
      if (kept !== undefined && isEnding(number)) await lives.markStopped(kept);
      if (instance === undefined) return;
      await engine.kill(instance, number);
      if (number !== SIGKILL) return;
      // What gets no time may not even die.
      if (views.isPaused(instance)) await engine.controls?.resume(instance);
      await instances.get(instance)?.exited;
      if (kept !== undefined) await tasks.wait(runOf(id));
    },
    stop: async (id, graceMs, signalNumber) => {
      const left = await signalFirst(id, graceMs, signalNumber);
      const kept = lives.get(id);
      if (kept === undefined) await unlessSettled(tasks.stop(id, left));
      else await lives.stop(kept, left);
    },
    cancel: async (id, reason) => await unlessSettled(tasks.cancel(id, reason, 0)),
    change: async (id, changed) => {
      if ((changed.restart?.condition ?? 'no') !== 'no') requireRoots(engine);
      const kept = lives.get(id);
      if (kept === undefined) await tasks.change(id, changed);
      else await lives.change(kept, changed);
    },
    remove: async (id, { withVolumes = false } = {}) => {
      const kept = lives.get(id);
      if (kept === undefined) await tasks.remove(id);
      else await lives.remove(kept, { withVolumes });
    },
    changes: async (id) => {
      const { kept, roots } = keptRoot(id, 'Comparing this container with its image');
      return await roots.changes(id, await images.prepare(kept.record.image.id));
    },
    withFiles: async (id, action) => {
      const { kept, roots } = keptRoot(id, 'Copying files into or out of this container while it does not run');
      return await lives.whileIdle(kept, async () => {
        const root = await roots.open(id, await images.prepare(kept.record.image.id));
        try {
          return await action(root.path);
        } finally {
          await root.close();
        }
      });
    },
    functions: async (app) => {
      const deployed = catalog.get(app);
      return Object.values(deployed?.model.services ?? {}).map((service) => ({
        name: service.name,
        ...(deployed?.images.has(service.name) === true ? { image: imageReference(app, service) } : {}),
      }));
    },
    lineage: async (instance) => await lineageOf(instance, instances, tasks),
  };
}

const currentRunOf = (kept: Kept | undefined): Id | undefined => (kept === undefined ? undefined : currentRun(kept));

const asContainer = (run: Run, id: Id): Run => ({ ...run, id });

/** What the operator asks for by image is kept: its image is what the name means now, whatever it will mean. */
async function pinnedImage(
  images: ImageStore,
  { target, parent }: ContainerRequest,
): Promise<Container['image'] | undefined> {
  if (parent !== undefined || 'function' in target) return undefined;
  const found = await images.inspect(target.image);
  if (found === undefined) throw new MinkeError('IMAGE_NOT_FOUND', { image: target.image, reason: 'it is not here' });
  return { id: found.id, reference: target.image };
}

const { SIGKILL, SIGTERM } = constants.signals;

const isEnding = (signalNumber: number): boolean => signalNumber === SIGKILL || signalNumber === SIGTERM;

const happensOnce = (what: string): MinkeError =>
  new MinkeError('NOT_SUPPORTED', { what, reason: 'a container of a function is a run, and a run happens once' });

function requireRoots({ roots, describe }: Engine): void {
  if (roots !== undefined) return;
  const reason = `the engine "${describe().name}" does not keep what a container has written`;
  throw new MinkeError('NOT_SUPPORTED', { what: 'Starting a container again', reason });
}

/** @throws INSTANCE_START_FAILED for one that could not start */
async function begun(beginning: Promise<Run>): Promise<Run> {
  const run = await beginning;
  if (run.state === 'failed' && run.startedAt === undefined) {
    throw new MinkeError('INSTANCE_START_FAILED', {
      name: run.options.name ?? run.id.slice(0, 12),
      reason: run.error?.message ?? '',
    });
  }
  return run;
}
