import type { DatabaseSync } from 'node:sqlite';
import type { ErrorBody } from '../errors/index.ts';
import { prepareApps, type AppOperations } from './sqlite-apps.ts';
import { prepareContainers, type ContainerOperations } from './sqlite-containers.ts';
import { prepareRuns, type RunOperations } from './sqlite-runs.ts';
import { prepareTimeline, type TimelineOperations } from './sqlite-timeline.ts';

/** Everything that the worker can be asked, by name. */
export type Operations = RunOperations & AppOperations & TimelineOperations & ContainerOperations;

export type OperationName = keyof Operations;

export const prepareOperations = (db: DatabaseSync): Operations => ({
  ...prepareRuns(db),
  ...prepareApps(db),
  ...prepareTimeline(db),
  ...prepareContainers(db),
});

/** Those that change nothing: a transaction of these alone takes no lock and syncs nothing. */
export const readOperations: ReadonlySet<OperationName> = new Set<OperationName>([
  'getRun',
  'inputOfRun',
  'findRun',
  'listRuns',
  'expiredRuns',
  'runLedger',
  'getTick',
  'getApp',
  'listApps',
  'listEnds',
  'listEvents',
  'listContainers',
]);

/** What crosses to the worker, in batches; the answers come back in the same order. */
export interface StoreRequest {
  readonly name: OperationName;
  readonly args: readonly unknown[];
}

export type StoreAnswer = { readonly value: unknown } | { readonly error: ErrorBody };

/** The worker's first message, then one for each batch, then one when it was asked to close. */
export type WorkerMessage =
  | { readonly opened: true }
  | { readonly refused: ErrorBody }
  | { readonly answers: readonly StoreAnswer[] };
