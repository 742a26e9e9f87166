import type { Container } from '../../dockerapi/containers.ts';
import type { Engine } from '../../engines/engine.ts';
import type { ImageStore } from '../../image/store.ts';
import type { Id } from '../../model/ids.ts';
import { isSettled, type Run } from '../../model/run.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import { imageReference, type Catalog } from '../parts/catalog.ts';
import type { Instances } from '../parts/instances.ts';
import type { RunNetworks } from '../parts/run-networks.ts';
import { decideAgain } from './decide-again.ts';
import { currentRun, type Kept } from './kept.ts';

export interface ViewsOptions {
  readonly tasks: Pick<Tasks, 'get' | 'isDraft'>;
  readonly engine: Pick<Engine, 'controls'>;
  readonly instances: Pick<Instances, 'get'>;
  readonly catalog: Catalog;
  readonly images: Pick<ImageStore, 'inspect'>;
  readonly networks: Pick<RunNetworks, 'portsOf'>;
}

/** Containers as the Docker API wants them. */
export interface Views {
  /** One that is a run. */
  ofRun(run: Run): Promise<Container>;
  /** One that is kept. */
  ofKept(kept: Kept): Promise<Container>;
  /** The same with this run of it. */
  ofLife(kept: Kept, run: Run | undefined): Container;
  isPaused(instance: Id): boolean;
}

export function createViews({ tasks, engine, instances, catalog, images, networks }: ViewsOptions): Views {
  const imageOf = async ({ app, target }: Run): Promise<Container['image']> => {
    if ('function' in target) {
      const deployed = catalog.get(app);
      const service = deployed?.model.services[target.function];
      return {
        id: deployed?.images.get(target.function)?.id ?? '',
        reference: service === undefined ? target.function : imageReference(app, service),
      };
    }
    return { id: (await images.inspect(target.image))?.id ?? '', reference: target.image };
  };

  const livingOf = (run: Run): Pick<Container, 'isPaused' | 'ports' | 'address'> => {
    const address = run.instance === undefined ? undefined : instances.get(run.instance)?.address;
    return {
      isPaused: run.instance !== undefined && run.state === 'running' && isPaused(run.instance),
      ports: networks.portsOf(run.id),
      ...(address === undefined ? {} : { address }),
    };
  };

  /** It may end at the same moment. */
  const isPaused = (instance: Id): boolean => {
    try {
      return engine.controls?.isPaused(instance) ?? false;
    } catch {
      return false;
    }
  };

  /** Its run, under the name and with the options that the container has by now. */
  const ofLife = ({ record, isIdle, health }: Kept, run: Run | undefined): Container => {
    const { image, restarts, id, createdAt, options: own } = record;
    return {
      run: { ...(run ?? unbegun(record)), id, createdAt, options: own },
      isStarted: run !== undefined,
      ...(health === undefined ? {} : { health }),
      isRestarting: !isIdle && run !== undefined && isSettled(run.state) && decideAgain(record, run) !== undefined,
      restarts,
      image,
      ...(run === undefined ? {} : livingOf(run)),
    };
  };

  return {
    ofRun: async (run) => ({
      run,
      isStarted: !tasks.isDraft(run.id),
      image: await imageOf(run),
      ...livingOf(run),
    }),
    ofKept: async (kept) => {
      const current = currentRun(kept);
      return ofLife(kept, current === undefined ? undefined : await tasks.get(current));
    },
    ofLife,
    isPaused,
  };
}

const unbegun = ({ id, app, args, env, options, createdAt, image }: Kept['record']): Run => ({
  id,
  app,
  target: { image: image.reference },
  args,
  env,
  options,
  state: 'queued',
  attempts: 0,
  createdAt,
  timeoutMs: 0,
});
