import type { Instance } from '../../engines/engine.ts';
import type { AppModel, VolumeModel } from '../../model/app.ts';
import type { Id } from '../../model/ids.ts';
import type { ReadyImage } from '../../model/instance.ts';
import type { AppNames, OwnedRoute } from './step.ts';

/**
 * What a deploy of one app needs done; whoever wires the daemon supplies it. Every hand is idempotent: a plan that failed is made
 * and carried out anew. None of them retries.
 */
export interface Hands {
  /** The image of a service, packed, pulled or found; called for several services at once. */
  prepareImage(service: string): Promise<ReadyImage>;
  storeModel(model: AppModel): Promise<void>;
  ensureNetwork(names: AppNames): Promise<void>;
  /** Makes it where it is missing, but not an external one: that one has to be there. */
  ensureVolume(volume: VolumeModel): Promise<void>;
  /** All routes of the app; ROUTE_TAKEN when another app has one of them. */
  setRoutes(routes: readonly OwnedRoute[]): Promise<void>;
  /** New connections to the name wait for the next instance. */
  unpublish(service: string): Promise<void>;
  /** Nobody keeps it up any more, and it is gone. */
  stopInstance(service: string, instance: Id, graceMs: number): Promise<void>;
  startService(service: string): Promise<Instance>;
  /** An instance that runs already; undefined when it has ended meanwhile. */
  findInstance(id: Id): Instance | undefined;
  waitReady(service: string, instance: Instance): Promise<void>;
  /** The name leads to the instance, and from now on the service is kept up. */
  publish(service: string, instance: Instance): Promise<void>;
  removeNetwork(): Promise<void>;
  removeVolume(volume: VolumeModel): Promise<void>;
  forgetApp(): Promise<void>;
}
