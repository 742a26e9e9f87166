import type { NetworkNames, WantedPort } from '../../engines/engine.ts';
import type { AppModel, RouteModel, VolumeModel } from '../../model/app.ts';
import type { Id } from '../../model/ids.ts';
import type { InstanceKind } from '../../model/instance.ts';

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
  | { readonly kind: 'unpublish'; readonly service: string }
  | { readonly kind: 'stop-instance'; readonly service: string; readonly instance: Id; readonly graceMs: number }
  | { readonly kind: 'start-service'; readonly service: string }
  /** `instance`: one that runs already; absent: the one that the step before started. */
  | { readonly kind: 'wait-ready'; readonly service: string; readonly instance?: Id }
  /** Its name leads to the instance, and the instance is kept up. */
  | { readonly kind: 'publish'; readonly service: string; readonly instance?: Id }
  | { readonly kind: 'remove-network' }
  | { readonly kind: 'remove-volume'; readonly volume: VolumeModel }
  | { readonly kind: 'forget-app' };

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
}

export interface CurrentInstance {
  readonly id: Id;
  /** Service or function. */
  readonly service: string;
  readonly kind: InstanceKind;
  /** As its label `minke.digest` says. */
  readonly digest: string;
  readonly isReady: boolean;
  readonly isPublished: boolean;
}

/** What should be. */
export interface Desired {
  readonly model: AppModel;
  /** Image ids by service, of every service and function. */
  readonly images: Readonly<Record<string, string>>;
}

/** An app of which nothing is there. */
export const nothing: Current = { images: {}, volumes: [], instances: [], routes: [] };
