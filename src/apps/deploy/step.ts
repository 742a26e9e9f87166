import type { NetworkNames, WantedPort } from '../../engines/engine.ts';
import type { AppModel, DependencyModel, RouteModel, VolumeModel } from '../../model/app.ts';
import type { Id } from '../../model/ids.ts';
import type { InstanceKind } from '../../model/instance.ts';
import type { ServiceEnd } from '../../model/service-end.ts';
import type { ServicePlace } from '../../model/service-place.ts';

/** One thing to do, as data. A plan is a list of them, carried out in order. */
export type Step =
  /** The image's content is on this host; steps of this kind that follow one another may be done at the same time. */
  | { readonly kind: 'prepare-image'; readonly service: string; readonly imageId: string }
  /** From now on this is what should be: a restart of the daemon works towards it. */
  | { readonly kind: 'store-model'; readonly model: AppModel }
  | ({ readonly kind: 'ensure-network' } & AppNames)
  | { readonly kind: 'ensure-volume'; readonly volume: VolumeModel }
  /** The gateway's way to the app, all of it. */
  | { readonly kind: 'set-routes'; readonly routes: readonly OwnedRoute[] }
  /** The name of the service leads to these of its instances no more. */
  | { readonly kind: 'unpublish'; readonly service: string; readonly instances: readonly Id[] }
  /** Those of one service that follow one another may be stopped at the same time. */
  | ({ readonly kind: 'stop-instance'; readonly instance: Id; readonly graceMs: number } & Spot)
  /** One that runs already is kept up from now on. Nothing is waited for. */
  | ({ readonly kind: 'take-up'; readonly instance: Id } & Spot)
  /** The condition holds; `service_started` is a matter of the order alone. */
  | ({
      readonly kind: 'await-dependency';
      readonly service: string;
      readonly dependency: string;
      readonly condition: Exclude<DependencyModel['condition'], 'service_started'>;
    } & Failable)
  /** From its start on it is kept up. Those of one service that follow one another may be started at the same time. */
  | ({ readonly kind: 'start-service' } & Spot & Failable)
  /** It runs in all its places, and its ports answer where its health is not checked. */
  | ({ readonly kind: 'wait-ready'; readonly service: string } & Failable)
  /** Its name leads to all of it, which is so once it is ready, and healthy where that is checked. */
  | ({ readonly kind: 'publish'; readonly service: string } & Failable)
  | { readonly kind: 'remove-network' }
  | { readonly kind: 'remove-volume'; readonly volume: VolumeModel }
  | { readonly kind: 'forget-app' };

/** A place, in the app that the plan is for. */
export type Spot = Omit<ServicePlace, 'app'>;

/**
 * What becomes of the plan when it fails. `leave-out`: it goes on without the other steps of this service. `go-on`: those are
 * taken as well. Absent: it ends.
 */
export interface Failable {
  readonly whenItFails?: 'leave-out' | 'go-on';
}

export interface OwnedRoute {
  readonly route: RouteModel;
  readonly service: string;
}

/** What the app's network answers for. */
export interface AppNames {
  readonly names: readonly string[];
  readonly networks: NetworkNames;
  readonly ports: readonly WantedPort[];
}

/** What there is of one app. */
export interface Current {
  /** As it was stored last; absent for an app that was never deployed. */
  readonly model?: AppModel;
  /** Image ids that were prepared, by service. */
  readonly images: Readonly<Record<string, string>>;
  /** Absent = there is no network yet. */
  readonly network?: AppNames;
  /** Names outside the app of volumes that exist. */
  readonly volumes: readonly string[];
  readonly instances: readonly CurrentInstance[];
  readonly routes: readonly OwnedRoute[];
  /** Places that have ended for good. */
  readonly ended: readonly Omit<ServiceEnd, 'app'>[];
  /** Places that are kept up and are between two lives. */
  readonly restarting: readonly Spot[];
}

export interface CurrentInstance {
  readonly id: Id;
  /** Service or function. */
  readonly service: string;
  /** Its place among those of a service; without meaning for functions. */
  readonly replica: number;
  readonly kind: InstanceKind;
  /** As its label `minke.digest` says. */
  readonly digest: string;
  /** This daemon keeps it up. */
  readonly isKept: boolean;
  readonly isReady: boolean;
  readonly isPublished: boolean;
}

/** What should be. */
export interface Desired {
  readonly model: AppModel;
  /** Image ids by service, of every service and function. */
  readonly images: Readonly<Record<string, string>>;
  /** Services whose health is checked. */
  readonly checked: readonly string[];
}

/** An app of which nothing is there. */
export const nothing: Current = { images: {}, volumes: [], instances: [], routes: [], ended: [], restarting: [] };
