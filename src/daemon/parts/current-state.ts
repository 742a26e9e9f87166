import { currentInstance } from '../../apps/deploy/current-instance.ts';
import type { Current, Desired } from '../../apps/deploy/step.ts';
import type { Supervisor } from '../../apps/supervise/supervisor.ts';
import type { AppHands } from './app-hands.ts';
import type { Catalog, Deployed } from './catalog.ts';
import type { Instances } from './instances.ts';
import type { ServiceEnds } from './service-ends.ts';
import { policyOf } from './supervisor-hands.ts';
import type { Volumes } from './volumes.ts';

export interface StateParts {
  readonly catalog: Catalog;
  readonly hands: AppHands;
  readonly instances: Instances;
  readonly supervisor: Supervisor;
  readonly volumes: Volumes;
  readonly ends: ServiceEnds;
}

/** What there is of an app, asked of those who have it. */
export function currentOf({ catalog, hands, instances, supervisor, volumes, ends }: StateParts, app: string): Current {
  const deployed = catalog.get(app);
  const network = hands.networks.of(app);
  const services = supervisor.list(app);
  const kept = new Set(services.flatMap(({ instance }) => instance ?? []));
  const between = services.filter(
    ({ state, instance }) => instance === undefined && (state === 'restarting' || state === 'crash-loop'),
  );
  return {
    ...(deployed === undefined ? {} : { model: deployed.model }),
    images: imageIds(deployed?.images),
    ...(network === undefined ? {} : { network }),
    volumes: volumes.list(),
    instances: instances.list(app).map((instance) => {
      const { id } = instance.handle;
      const isPublished = hands.published.of(app, instance.spec.name).some((one) => one.handle.id === id);
      return currentInstance(instance, { isKept: kept.has(id), isReady: isPublished, isPublished });
    }),
    routes: hands.routesOf(app),
    ended: ends.of(app),
    restarting: between.map(({ service, replica }) => ({ service, replica })),
  };
}

/** What should be of it. */
export const desiredOf = (deployed: Deployed): Desired => ({
  model: deployed.model,
  images: imageIds(deployed.images),
  // By the file or by their image.
  checked: Object.keys(deployed.model.services).filter((name) => policyOf(deployed, name)?.health !== undefined),
});

const imageIds = (images: Deployed['images'] = new Map()): Readonly<Record<string, string>> =>
  Object.fromEntries([...images].map(([service, image]) => [service, image.id]));
