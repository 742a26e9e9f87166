import { executeSteps, type StepProgress } from '../../apps/deploy/execute-steps.ts';
import { portsOf } from '../../apps/deploy/app-names.ts';
import { findForeignEngine } from '../../apps/deploy/foreign-engine.ts';
import { plan, type PlanOptions } from '../../apps/deploy/plan.ts';
import type { Contents } from '../../apps/file/read-contents.ts';
import type { Current, Spot } from '../../apps/deploy/step.ts';
import { findTakenRoute } from '../../apps/deploy/taken-routes.ts';
import { findUnchecked } from '../../apps/deploy/unchecked.ts';
import { wished, type Wish } from '../../apps/deploy/wish.ts';
import type { Supervisor } from '../../apps/supervise/supervisor.ts';
import type { Engine } from '../../engines/engine.ts';
import type { MinkeError } from '../../errors/index.ts';
import type { Builds } from '../../image/build/builds.ts';
import type { ImageStore } from '../../image/store.ts';
import { hasPlace, type AppModel } from '../../model/app.ts';
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
import { currentOf, desiredOf } from './current-state.ts';
import { createPlansUnderWay } from './plans-under-way.ts';
import type { ServiceEnds } from './service-ends.ts';
import { createRestores } from './restores.ts';
import { createTurns } from './turns.ts';
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
  /**
   * Brings some of its services to what is wished for, and answers as `up` does.
   * @throws APP_NOT_FOUND, and as wish.ts says
   */
  change(
    app: string,
    wish: Wish,
    onProgress: (progress: StepProgress) => void,
    signal?: AbortSignal,
  ): Promise<{ readonly changed: boolean }>;
  /**
   * Forgets services that do not run, with what they wrote; `stop` ends first what runs. Without names it is about all of the app.
   * Answers as `up` does.
   * @throws as `change`
   */
  remove(
    app: string,
    asked: { readonly services: readonly string[]; readonly stop: boolean },
    onProgress: (progress: StepProgress) => void,
    signal?: AbortSignal,
  ): Promise<{ readonly changed: boolean }>;
  /** `keepsContainers`: those from the Docker API live on, on their network. @throws APP_NOT_FOUND */
  down(
    app: string,
    options: { readonly removeVolumes: boolean; readonly keepsContainers?: boolean },
    onProgress: (progress: StepProgress) => void,
  ): Promise<void>;
  /**
   * Every stored app, as far as it can be had. What fails is logged, told on the timeline and tried again until it succeeds or
   * the app is deployed anew; it resolves when each app was tried once, or after a while.
   */
  restore(): Promise<void>;
  /** A plan for the app is being carried out: what runs of it is that plan's affair. */
  isUnderWay(app: string): boolean;
  /** Ends what is under way between two steps, and nothing is tried again any more. */
  close(): Promise<void>;
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
  readonly ends: ServiceEnds;
  readonly contents: Pick<AppContents, 'mark'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly record: Timeline['record'];
}

export function createDeploys(parts: DeploysOptions): Deploys {
  const { engine, images, builds, catalog, store, hands, supervisor, functions, ends, contents, clock, log, record } =
    parts;
  const inTurn = createTurns();
  const restores = createRestores({ clock, log, record });
  const plans = createPlansUnderWay();

  const apply = async (
    deployed: Deployed,
    onProgress: (progress: StepProgress) => void,
    { signal, ...options }: { readonly signal: AbortSignal } & PlanOptions,
  ): Promise<{ readonly steps: number; readonly failures: readonly MinkeError[] }> => {
    const { model } = deployed;
    const resume = await supervisor.hold(model.name);
    try {
      const steps = plan(currentOf(parts, model.name), desiredOf(deployed), options);
      // What this plan leaves alone is restarted meanwhile, however long others are waited for.
      const touched = steps.flatMap((step) => ('replica' in step ? [step] : []));
      for (const kept of supervisor.list(model.name))
        if (hasPlace(model, kept) && !touched.some((step) => isSamePlace(step, kept))) supervisor.resume(kept);
      // Images are here already, and their progress was told when they came.
      const tell = (progress: StepProgress): void => {
        if (progress.step !== 'prepare-image') onProgress(progress);
      };
      const failures = await executeSteps(steps, hands.forDeploy(deployed, signal), tell, { clock, signal });
      // What changes nothing that runs (a time-out, a right) counts from now on too.
      catalog.put(deployed);
      hands.setTargets(deployed);
      await functions.renew(deployed);
      return { steps: steps.length, failures };
    } finally {
      supervisor.renew(model.name);
      resume();
    }
  };

  /** What is known of the app without starting anything. */
  const recall = async (model: AppModel): Promise<Deployed> => {
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
    const known = supervisor.list(model.name);
    for (const end of ends.of(model.name))
      if (hasPlace(model, end) && !known.some((kept) => isSamePlace(kept, end))) supervisor.recall(end, end.outcome);
    return deployed;
  };

  const restoreOne = async (deployed: Deployed): Promise<void> => {
    const nobodyWaits = (): boolean => false;
    const { failures } = await plans.during(deployed.model.name, nobodyWaits, async (over) => {
      return await apply(deployed, () => undefined, { signal: over, isRestore: true });
    });
    const [first] = failures;
    if (first !== undefined) throw first;
  };

  const supersede = (app: string, by: 'up' | 'down'): void => {
    restores.giveUp(app);
    plans.supersede(app, by);
  };

  const change: Deploys['change'] = async (app, wish, onProgress, signal) => {
    plans.supersede(app, wish.verb);
    return await inTurn(app, async () => {
      const deployed = catalog.deployed(app);
      const { model, options } = wished(deployed.model, wish);
      const { steps } = await plans.during(
        app,
        () => signal?.aborted !== true,
        async (over) => await apply({ ...deployed, model }, onProgress, { ...options, signal: over }),
      );
      const { verb, ...facts } = wish;
      if (steps > 0) record({ at: clock.now(), kind: verb, app, facts });
      return { changed: steps > 0 };
    });
  };

  /** Kept up, or about to be; a job that has completed is not. */
  const isRunning = ({ name: app, services }: AppModel, service: string): boolean =>
    services[service]?.isStopped !== true &&
    !supervisor
      .list(app)
      .filter((kept) => kept.service === service)
      .every(({ state }) => state === 'completed' || state === 'given-up');

  return {
    up: async (app, onProgress, signal) => {
      const { name } = app.model;
      supersede(name, 'up');
      return await inTurn(name, async () => {
        const model = contents.mark(app.model, app.contents);
        const taken = findTakenRoute(
          model,
          catalog.list().map((deployed) => deployed.model),
        );
        if (taken !== undefined) throw taken;
        const foreign = findForeignEngine(model, engine.describe());
        if (foreign !== undefined) throw foreign;
        await engine.networks.checkPorts(model.name, portsOf(model));
        // Before anything is stopped, so that an image that cannot be had changes nothing.
        const obtained = await obtainImages({ images, builds, clock }, model, { onProgress, signal });
        const deployed: Deployed = { model, images: obtained, contents: app.contents };
        await prepareAll(engine, deployed, signal);
        const unchecked = findUnchecked(model, desiredOf(deployed).checked);
        if (unchecked !== undefined) throw unchecked;
        const begun = clock.elapsed();
        const isWanted = (): boolean => signal?.aborted !== true;
        const { steps } = await plans.during(
          name,
          isWanted,
          async (over) => await apply(deployed, onProgress, { signal: over }),
        );
        if (steps > 0) {
          record({
            at: clock.now(),
            kind: 'deploy',
            app: model.name,
            facts: { steps, ms: Math.round(clock.elapsed() - begun) },
          });
        }
        return { changed: steps > 0 };
      });
    },
    change,
    remove: async (app, { services, stop }, onProgress, signal) => {
      const { model } = catalog.deployed(app);
      const named = wished(model, { verb: 'rm', services }).options.only;
      const idle = named.filter((name) => stop || !isRunning(model, name));
      // One that nobody knows of any more is not removed again.
      const left = idle.filter((name) => model.services[name]?.isRemoved !== true);
      if (left.length === 0) return { changed: false };
      await change(app, { verb: 'rm', services: left }, onProgress, signal);
      await parts.instances.forgetEnded(app, left);
      return { changed: true };
    },
    down: async (app, { removeVolumes, keepsContainers = false }, onProgress) => {
      supersede(app, 'down');
      await inTurn(app, async () => {
        const deployed = catalog.deployed(app);
        const resume = await supervisor.hold(app);
        const letIn = await functions.drain(app);
        try {
          const current = currentOf(parts, app);
          await executeSteps(
            plan(keepsContainers ? withoutContainers(current) : current, undefined, { removeVolumes }),
            hands.forDeploy(deployed, new AbortController().signal),
            onProgress,
            { clock },
          );
        } finally {
          supervisor.renew(app);
          letIn();
          resume();
        }
        record({ at: clock.now(), kind: 'down', app, facts: { removeVolumes } });
      });
    },
    restore: async () => {
      await ends.load();
      const over = new AbortController();
      const patience = clock.sleep(answersAfterMs, over.signal).catch(() => undefined);
      for (const model of await store.apps.list()) {
        // It can be called by the time that the daemon answers, whether it is all there or not.
        let known = await recall(model).catch(() => undefined);
        const restored = restores.bringBack(model.name, async () => {
          const first = known;
          known = undefined;
          await inTurn(model.name, async () => {
            // Somebody may have scaled or stopped some of it since.
            const { model: last } = catalog.get(model.name) ?? { model };
            await restoreOne(first ?? (await recall(last)));
          });
        });
        await Promise.race([restored, patience]);
      }
      over.abort();
    },
    isUnderWay: plans.isUnderWay,
    close: async () => {
      restores.close();
      await plans.close();
    },
  };
}

const withoutContainers = (current: Current): Current => ({
  ...current,
  instances: current.instances.filter(({ kind }) => kind !== 'container'),
});

const isSamePlace = (left: Spot, right: Spot): boolean =>
  left.service === right.service && left.replica === right.replica;

/** A daemon answers by then, though its apps may not all be there: what is not ready yet is waited for by those who call it. */
const answersAfterMs = 10_000;

/** Not within the time that a start may take: an image may be large, and an engine has to be given it. */
async function prepareAll(
  engine: Pick<Engine, 'prepare'>,
  { model, images }: Deployed,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { name, kind, engine: wanted } of Object.values(model.services)) {
    const image = images.get(name);
    if (image !== undefined)
      await engine.prepare?.({ image, kind, ...(wanted === undefined ? {} : { engine: wanted }) }, signal);
  }
}
