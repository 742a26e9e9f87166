import { openStoreClient } from './store-client.ts';
import type { Store } from './store.ts';

/**
 * The store of one host: a SQLite file, owned by a worker thread so that a sync never holds up a request. Concurrent
 * writes share a commit. The folder must exist; the file is made, or brought to the newest schema.
 * @throws DATA_FOLDER where the file cannot be opened, is none of minke's, or is of a newer minke; OUT_OF_DISK.
 */
export async function createSqliteStore({ file }: { readonly file: string }): Promise<Store> {
  const { call, close } = await openStoreClient(file);
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
