import { currentInstance } from '../../apps/deploy/current-instance.ts';
import { executeSteps, type StepProgress } from '../../apps/deploy/execute-steps.ts';
import { portsOf } from '../../apps/deploy/app-names.ts';
import { plan } from '../../apps/deploy/plan.ts';
import type { Contents } from '../../apps/file/read-contents.ts';
import type { Current } from '../../apps/deploy/step.ts';
import { findTakenRoute } from '../../apps/deploy/taken-routes.ts';
import type { Supervisor } from '../../apps/supervise/supervisor.ts';
import type { Engine } from '../../engines/engine.ts';
import { MinkeError } from '../../errors/index.ts';
import type { Builds } from '../../image/build/builds.ts';
import type { ImageStore } from '../../image/store.ts';
import type { AppModel } from '../../model/app.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Timeline } from '../../observe/timeline.ts';
import type { Store } from '../../store/store.ts';
import type { AppContents } from './app-contents.ts';
import type { AppHands } from './app-hands.ts';
import { imageReference, type Catalog, type Deployed } from './catalog.ts';
import type { Functions } from './functions.ts';
import type { Instances } from './instances.ts';
import { obtainImages } from './obtain-images.ts';
import { tryAgain } from './try-again.ts';
import type { Volumes } from './volumes.ts';

/** An app file as it was read. */
export interface LoadedModel {
  readonly model: AppModel;
  readonly contents: Contents;
}

/** Brings apps to what should be: after `up`, at `down`, and when the daemon begins. One at a time for each app. */
export interface Deploys {
  /** Answers whether anything had to change. `signal` ends it while images are made or fetched; later it is carried out. */
  up(
    app: LoadedModel,
    onProgress: (progress: StepProgress) => void,
    signal?: AbortSignal,
  ): Promise<{ readonly changed: boolean }>;
  /** @throws APP_NOT_FOUND */
  down(
    app: string,
    options: { readonly removeVolumes: boolean },
    onProgress: (progress: StepProgress) => void,
  ): Promise<void>;
  /**
   * Every stored app, as far as it can be had. What fails is logged, told on the timeline and tried again until it succeeds or
   * the app is deployed anew; it resolves when each app was tried once.
   */
  restore(): Promise<void>;
  /** Nothing is tried again any more. */
  close(): void;
}

export interface DeploysOptions {
  readonly engine: Engine;
  readonly images: ImageStore;
  readonly builds: Builds;
  readonly catalog: Catalog;
  readonly store: Store;
  readonly hands: AppHands;
  readonly instances: Instances;
  readonly supervisor: Supervisor;
  readonly functions: Functions;
  readonly volumes: Volumes;
  readonly contents: Pick<AppContents, 'mark'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly record: Timeline['record'];
}

export function createDeploys(options: DeploysOptions): Deploys {
  const {
    engine,
    images,
    builds,
    catalog,
    store,
    hands,
    instances,
    supervisor,
    functions,
    volumes,
    contents,
    clock,
    log,
    record,
  } = options;
  const inTurn = createTurns();
  /** Apps that are being brought back. */
  const restoring = new Map<string, AbortController>();

  const currentOf = (app: string): Current => {
    const deployed = catalog.get(app);
    const network = hands.networkOf(app);
    return {
      ...(deployed === undefined ? {} : { model: deployed.model }),
      images: Object.fromEntries([...(deployed?.images ?? [])].map(([service, image]) => [service, image.id])),
      ...(network === undefined ? {} : { network }),
      volumes: volumes.list(),
      instances: instances.list(app).map((instance) => {
        const isPublished = hands.publishedOf(app, instance.spec.name) === instance.handle.id;
        return currentInstance(instance, { isReady: isPublished, isPublished });
      }),
      routes: hands.routesOf(app),
    };
  };

  const apply = async (deployed: Deployed, onProgress: (progress: StepProgress) => void): Promise<number> => {
    const { model } = deployed;
    const resume = await supervisor.hold(model.name);
    try {
      const ids = Object.fromEntries([...deployed.images].map(([service, image]) => [service, image.id]));
      const steps = plan(currentOf(model.name), { model, images: ids });
      // Images are here already, and their progress was told when they came.
      const tell = (progress: StepProgress): void => {
        if (progress.step !== 'prepare-image') onProgress(progress);
      };
      await executeSteps(steps, hands.forDeploy(deployed), tell, { clock });
      // What changes nothing that runs (a time-out, a right) counts from now on too.
      catalog.put(deployed);
      hands.setTargets(deployed);
      await functions.renew(deployed);
      return steps.length;
    } finally {
      resume();
    }
  };

  const restoreOne = async (model: AppModel): Promise<void> => {
    const found = await Promise.all(
      Object.values(model.services).map(async (service) => {
        const reference = imageReference(model.name, service);
        // Not from a registry: an app that is here starts without one.
        const image = await images.prepare(reference, { isLocal: true }).catch(() => undefined);
        return image === undefined ? [] : [[service.name, image] as const];
      }),
    );
    const deployed: Deployed = { model, images: new Map(found.flat()) };
    catalog.put(deployed);
    functions.adopt(deployed);
    hands.setTargets(deployed);
    await apply(deployed, () => undefined);
  };

  const restoreUntilDone = async (model: AppModel): Promise<void> => {
    const { name: app } = model;
    const controller = new AbortController();
    const { signal } = controller;
    restoring.set(app, controller);
    const attempt = async (): Promise<void> => {
      if (!signal.aborted) await restoreOne(model);
    };
    await tryAgain(async () => await inTurn(app, attempt), {
      clock,
      signal,
      onFailure: (error, againAfterMs) => {
        log.error('An app could not be brought back; it is tried again', { app, againAfterMs, error });
        record({ at: clock.now(), kind: 'restore.failed', app, facts: { reason: String(error), againAfterMs } });
      },
    });
  };

  return {
    up: async (app, onProgress, signal) =>
      await inTurn(app.model.name, async () => {
        restoring.get(app.model.name)?.abort();
        const model = contents.mark(app.model, app.contents);
        const taken = findTakenRoute(
          model,
          catalog.list().map((deployed) => deployed.model),
        );
        if (taken !== undefined) throw taken;
        await engine.networks.checkPorts(model.name, portsOf(model));
        // Before anything is stopped, so that an image that cannot be had changes nothing.
        const obtained = await obtainImages({ images, builds, clock }, model, { onProgress, signal });
        const deployed: Deployed = { model, images: obtained, contents: app.contents };
        const begun = clock.elapsed();
        const steps = await apply(deployed, onProgress);
        if (steps > 0) {
          record({
            at: clock.now(),
            kind: 'deploy',
            app: model.name,
            facts: { steps, ms: Math.round(clock.elapsed() - begun) },
          });
        }
        return { changed: steps > 0 };
      }),
    down: async (app, { removeVolumes }, onProgress) =>
      await inTurn(app, async () => {
        restoring.get(app)?.abort();
        const deployed = catalog.get(app);
        if (deployed === undefined) throw new MinkeError('APP_NOT_FOUND', { app });
        const resume = await supervisor.hold(app);
        const letIn = await functions.drain(app);
        try {
          await executeSteps(
            plan(currentOf(app), undefined, { removeVolumes }),
            hands.forDeploy(deployed),
            onProgress,
            { clock },
          );
        } finally {
          letIn();
          resume();
        }
        record({ at: clock.now(), kind: 'down', app, facts: { removeVolumes } });
      }),
    restore: async () => {
      for (const model of await store.apps.list()) await restoreUntilDone(model);
    },
    close: () => {
      for (const controller of restoring.values()) controller.abort();
    },
  };
}

type Turns = <T>(key: string, task: () => Promise<T>) => Promise<T>;

/** Tasks of one key run one after the other. */
function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return async (key, task) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(task, task);
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}
