import type { DatabaseSync } from 'node:sqlite';
import type { AppModel } from '../model/app.ts';
import type { ScheduleTick } from './store.ts';
import type { Outcome, ServiceEnd } from '../model/service-end.ts';
import type { ServicePlace } from '../model/service-place.ts';

export interface AppOperations {
  readonly putApp: (model: AppModel) => void;
  readonly getApp: (name: string) => AppModel | undefined;
  readonly listApps: () => readonly AppModel[];
  readonly removeApp: (name: string) => void;
  readonly putEnd: (end: ServiceEnd) => void;
  readonly removeEnd: (place: ServicePlace) => void;
  readonly listEnds: () => readonly ServiceEnd[];
  readonly putTick: (tick: ScheduleTick) => void;
  readonly getTick: (app: string, name: string, entry: string) => ScheduleTick | undefined;
  readonly removeTick: (app: string, name: string, entry: string) => void;
}

export function prepareApps(db: DatabaseSync): AppOperations {
  const put = db.prepare(
    'INSERT INTO apps (name, model) VALUES (:name, :model) ON CONFLICT (name) DO UPDATE SET model = :model',
  );
  const get = db.prepare('SELECT model FROM apps WHERE name = ?');
  const list = db.prepare('SELECT model FROM apps ORDER BY name');
  const remove = db.prepare('DELETE FROM apps WHERE name = ?');
  const removeTicks = db.prepare('DELETE FROM ticks WHERE app = ?');
  const removeEnds = db.prepare('DELETE FROM service_ends WHERE app = ?');
  return {
    ...prepareEnds(db),
    ...prepareTicks(db),
    putApp: (model) => void put.run({ name: model.name, model: JSON.stringify(model) }),
    getApp: (name) => {
      const row = get.get(name);
      return row === undefined ? undefined : (JSON.parse(String(row['model'])) as AppModel);
    },
    listApps: () => list.all().map((row) => JSON.parse(String(row['model'])) as AppModel),
    removeApp: (name) => {
      remove.run(name);
      removeEnds.run(name);
      removeTicks.run(name);
    },
  };
}

function prepareEnds(db: DatabaseSync): Pick<AppOperations, 'putEnd' | 'removeEnd' | 'listEnds'> {
  const put = db.prepare(
    'INSERT INTO service_ends (app, service, replica, digest, outcome) VALUES (:app, :service, :replica, :digest, :outcome) ' +
      'ON CONFLICT (app, service, replica) DO UPDATE SET digest = :digest, outcome = :outcome',
  );
  const remove = db.prepare('DELETE FROM service_ends WHERE app = ? AND service = ? AND replica = ?');
  const list = db.prepare(
    'SELECT app, service, replica, digest, outcome FROM service_ends ORDER BY app, service, replica',
  );
  return {
    putEnd: ({ app, service, replica, digest, outcome }) =>
      void put.run({ app, service, replica, digest, outcome: JSON.stringify(outcome) }),
    removeEnd: ({ app, service, replica }) => void remove.run(app, service, replica),
    listEnds: () =>
      list.all().map((row) => ({
        app: String(row['app']),
        service: String(row['service']),
        replica: Number(row['replica']),
        digest: String(row['digest']),
        outcome: JSON.parse(String(row['outcome'])) as Outcome,
      })),
  };
}

function prepareTicks(db: DatabaseSync): Pick<AppOperations, 'putTick' | 'getTick' | 'removeTick'> {
  const put = db.prepare(
    'INSERT INTO ticks (app, function, entry, tick, run) VALUES (:app, :function, :entry, :tick, :run) ' +
      'ON CONFLICT (app, function, entry) DO UPDATE SET tick = :tick, run = :run',
  );
  const get = db.prepare('SELECT * FROM ticks WHERE app = ? AND function = ? AND entry = ?');
  const remove = db.prepare('DELETE FROM ticks WHERE app = ? AND function = ? AND entry = ?');
  return {
    putTick: ({ run = null, ...tick }) => void put.run({ ...tick, run }),
    getTick: (app, name, entry) => {
      const row = get.get(app, name, entry);
      if (row === undefined) return undefined;
      const run = row['run'] === null ? {} : { run: String(row['run']) };
      return { app, function: name, entry, tick: Number(row['tick']), ...run };
    },
    removeTick: (app, name, entry) => void remove.run(app, name, entry),
  };
}
