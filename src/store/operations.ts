import type { ErrorBody } from '../errors/index.ts';
import { appOperations } from './app-operations.ts';
import { containerOperations } from './container-operations.ts';
import { runOperations } from './run-operations.ts';
import type { Work } from './statement.ts';
import { timelineOperations } from './timeline-operations.ts';

/** Everything that a store can be asked, by name; written once, and carried out by each kind of store in its own way. */
export const operations = { ...runOperations, ...appOperations, ...timelineOperations, ...containerOperations };

export type Operations = typeof operations;
export type OperationName = keyof Operations;
export type ResultOf<Name extends OperationName> =
  ReturnType<Operations[Name]> extends Work<infer Result> ? Result : never;

/** Those that change nothing: a transaction of these alone takes no lock and syncs nothing. */
const readOperations: ReadonlySet<OperationName> = new Set<OperationName>([
  'getRun',
  'inputOfRun',
  'findRun',
  'listRuns',
  'expiredRuns',
  'runLedger',
  'owingRuns',
  'runsOfExcessOutput',
  'getTick',
  'getApp',
  'listApps',
  'listEnds',
  'listEvents',
  'listContainers',
]);

export const isReading = ({ name }: StoreRequest): boolean => readOperations.has(name);

/** What the request asks for, as work to be carried out; its types were held together by whoever made the request. */
export function workOf({ name, args }: StoreRequest): Work<unknown> {
  const operation = operations[name] as (...args: readonly unknown[]) => Work<unknown>;
  return operation(...args);
}

/** Requests go in batches; the answers come back in the same order. */
export interface StoreRequest {
  readonly name: OperationName;
  readonly args: readonly unknown[];
}

export type StoreAnswer = { readonly value: unknown } | { readonly error: ErrorBody };
