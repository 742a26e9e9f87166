import type { MinkeError } from '../../errors/index.ts';
import type { AppModel, DependencyModel, VolumeModel } from '../../model/app.ts';
import type { Id } from '../../model/ids.ts';
import type { ReadyImage } from '../../model/instance.ts';
import type { AppNames, OwnedRoute, Spot } from './step.ts';

interface AwaitedDependency {
  /** The one that waits, and the one that it waits for. */
  readonly service: string;
  readonly dependency: string;
}

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
  /** New connections to the name go to its other instances, and wait for the next where there are none. */
  unpublish(service: string, instances: readonly Id[]): Promise<void>;
  /** Nobody keeps it up any more, and it is gone. */
  stopInstance(spot: Spot, instance: Id, graceMs: number): Promise<void>;
  /** Keeps up what an earlier daemon left; one that has ended since is started anew. */
  takeUp(spot: Spot, instance: Id): Promise<void>;
  /** DEPENDENCY_FAILED where waiting is in vain. */
  awaitDependency(awaited: Pick<DependencyModel, 'condition'> & AwaitedDependency): Promise<void>;
  /** From its start on it is kept up. */
  startService(spot: Spot): Promise<void>;
  /** In each place of whichever instance it has by then: one that ends is followed by another. */
  waitReady(service: string): Promise<void>;
  /** Resolves when its name leads to all of it. */
  publish(service: string): Promise<void>;
  /** This failed, and nobody requires it. */
  goOnWithout(service: string, error: MinkeError): void;
  removeNetwork(): Promise<void>;
  removeVolume(volume: VolumeModel): Promise<void>;
  forgetApp(): Promise<void>;
}
