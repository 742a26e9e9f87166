import type { Contents } from '../../apps/file/read-contents.ts';
import { MinkeError } from '../../errors/index.ts';
import type { AppModel, ServiceModel } from '../../model/app.ts';
import type { ReadyImage } from '../../model/instance.ts';

/** An app as it was deployed last: what should run, and from which images. */
export interface Deployed {
  readonly model: AppModel;
  /** By service; those that could not be had are missing. */
  readonly images: ReadonlyMap<string, ReadyImage>;
  /** What was said of its secrets and configs, until it is kept; absent for an app that was deployed before. */
  readonly contents?: Contents;
}

/** A service or function of a deployed app, ready to be started. */
export interface Startable {
  readonly app: AppModel;
  readonly service: ServiceModel;
  readonly image: ReadyImage;
}

/** What is deployed, in memory; the store has the models, the image store the images. */
export interface Catalog {
  get(app: string): Deployed | undefined;
  /** @throws APP_NOT_FOUND */
  deployed(app: string): Deployed;
  list(): readonly Deployed[];
  put(deployed: Deployed): void;
  remove(app: string): void;
  service(app: string, name: string): ServiceModel | undefined;
  /** @throws TARGET_NOT_FOUND, IMAGE_NOT_FOUND */
  startable(app: string, name: string): Startable;
}

/** `onChange`: told of what an app now is, and of one that is no more. */
export function createCatalog(onChange: (app: string, model: AppModel | undefined) => void = () => undefined): Catalog {
  const apps = new Map<string, Deployed>();
  const service = (app: string, name: string): ServiceModel | undefined => {
    const services = apps.get(app)?.model.services;
    return services !== undefined && Object.hasOwn(services, name) ? services[name] : undefined;
  };
  return {
    get: (app) => apps.get(app),
    deployed: (app) => {
      const deployed = apps.get(app);
      if (deployed === undefined) throw new MinkeError('APP_NOT_FOUND', { app });
      return deployed;
    },
    list: () => [...apps.values()],
    put: (deployed) => {
      apps.set(deployed.model.name, deployed);
      onChange(deployed.model.name, deployed.model);
    },
    remove: (app) => {
      apps.delete(app);
      onChange(app, undefined);
    },
    service,
    startable: (app, name) => {
      const deployed = apps.get(app);
      const found = service(app, name);
      if (deployed === undefined || found === undefined)
        throw new MinkeError('TARGET_NOT_FOUND', { target: name, app });
      const image = deployed.images.get(name);
      if (image === undefined) {
        throw new MinkeError('IMAGE_NOT_FOUND', {
          image: imageReference(app, found),
          reason: `"${name}" has none yet`,
        });
      }
      return { app: deployed.model, service: found, image };
    },
  };
}

/** What a service's image is called in the image store: its own `image:`, or as Compose names what it builds. */
export const imageReference = (app: string, service: ServiceModel): string =>
  service.image ?? `${app.replace('@', '-')}-${service.name}`;
