import { MinkeError } from '../errors/index.ts';
import type { OperationName, Operations, ResultOf } from './operations.ts';
import type { RequestBatches } from './request-batches.ts';
import type { Store } from './store.ts';

/** The way to what keeps the state. */
export interface StoreClient {
  /** Resolves once it is on disk. */
  readonly call: <Name extends OperationName>(
    name: Name,
    ...args: Parameters<Operations[Name]>
  ) => Promise<ResultOf<Name>>;
  /** Carries out what was asked before, refuses the rest, and lets go of the data. */
  readonly close: () => Promise<void>;
}

export function createStoreClient(batches: RequestBatches, letGo: () => Promise<void>): StoreClient {
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await batches.drained();
    batches.refuse(isClosed());
    await letGo();
  };
  return {
    call: async <Name extends OperationName>(name: Name, ...args: Parameters<Operations[Name]>) => {
      if (closing !== undefined) throw isClosed();
      return (await batches.ask({ name, args })) as ResultOf<Name>;
    },
    close: () => (closing ??= close()),
  };
}

const isClosed = (): MinkeError => new MinkeError('INTERNAL', { reason: 'the store is closed' });

/** The contract of a store, over any way to one. */
export function storeOver({ call, close }: StoreClient): Store {
  return {
    runs: {
      accept: (run, input) => call('acceptRun', run, input),
      get: (id) => call('getRun', id),
      input: (id) => call('inputOfRun', id),
      find: (prefix) => call('findRun', prefix),
      list: (filter) => call('listRuns', filter),
      move: (id, from, to, patch = {}) => call('moveRun', id, from, to, patch),
      retry: (id, again) => call('retryRun', id, again),
      setOptions: (id, options) => call('setOptionsOfRun', id, options),
      owing: (after, limit) => call('owingRuns', after, limit),
      ofExcessOutput: (maxBytes, limit) => call('runsOfExcessOutput', maxBytes, limit),
      markOutputRemoved: (id) => call('markOutputRemoved', id),
      settleCallback: (id, state) => call('settleCallback', id, state),
      remove: (id) => call('removeRun', id),
      ledger: () => call('runLedger'),
      expired: (retention) => call('expiredRuns', retention),
    },
    apps: {
      put: (model) => call('putApp', model),
      get: (name) => call('getApp', name),
      list: () => call('listApps'),
      remove: (name) => call('removeApp', name),
      putEnd: (end) => call('putEnd', end),
      removeEnd: (place) => call('removeEnd', place),
      ends: () => call('listEnds'),
    },
    timeline: {
      append: (event) => call('appendEvent', event),
      list: (filter) => call('listEvents', filter),
    },
    schedules: {
      put: (tick) => call('putTick', tick),
      get: (app, name, entry) => call('getTick', app, name, entry),
      remove: (app, name, entry) => call('removeTick', app, name, entry),
    },
    containers: {
      put: (container) => call('putContainer', container),
      list: () => call('listContainers'),
      remove: (id) => call('removeContainer', id),
    },
    close,
  };
}
