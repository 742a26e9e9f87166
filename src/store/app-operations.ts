import type { AppModel } from '../model/app.ts';
import type { Outcome, ServiceEnd } from '../model/service-end.ts';
import type { ServicePlace } from '../model/service-place.ts';
import { all, first, run, type Row, type Work } from './statement.ts';
import type { ScheduleTick } from './store.ts';

export const appOperations = {
  *putApp(model: AppModel): Work<void> {
    yield* run(
      'INSERT INTO apps (name, model) VALUES (:name, :model) ON CONFLICT (name) DO UPDATE SET model = :model',
      { name: model.name, model: JSON.stringify(model) },
    );
  },

  *getApp(name: string): Work<AppModel | undefined> {
    const row = yield* first('SELECT model FROM apps WHERE name = :name', { name });
    return row === undefined ? undefined : toModel(row);
  },

  *listApps(): Work<readonly AppModel[]> {
    return (yield* all('SELECT model FROM apps ORDER BY name')).map(toModel);
  },

  *removeApp(name: string): Work<void> {
    yield* run('DELETE FROM apps WHERE name = :name', { name });
    yield* run('DELETE FROM service_ends WHERE app = :name', { name });
    yield* run('DELETE FROM ticks WHERE app = :name', { name });
  },

  *putEnd({ app, service, replica, digest, outcome }: ServiceEnd): Work<void> {
    yield* run(
      'INSERT INTO service_ends (app, service, replica, digest, outcome) ' +
        'VALUES (:app, :service, :replica, :digest, :outcome) ' +
        'ON CONFLICT (app, service, replica) DO UPDATE SET digest = :digest, outcome = :outcome',
      { app, service, replica, digest, outcome: JSON.stringify(outcome) },
    );
  },

  *removeEnd({ app, service, replica }: ServicePlace): Work<void> {
    yield* run('DELETE FROM service_ends WHERE app = :app AND service = :service AND replica = :replica', {
      app,
      service,
      replica,
    });
  },

  *listEnds(): Work<readonly ServiceEnd[]> {
    const rows = yield* all(
      'SELECT app, service, replica, digest, outcome FROM service_ends ORDER BY app, service, replica',
    );
    return rows.map((row) => ({
      app: String(row['app']),
      service: String(row['service']),
      replica: Number(row['replica']),
      digest: String(row['digest']),
      outcome: JSON.parse(String(row['outcome'])) as Outcome,
    }));
  },

  *putTick({ app, function: name, entry, tick, run: id }: ScheduleTick): Work<void> {
    yield* run(
      'INSERT INTO ticks (app, function, entry, tick, run) VALUES (:app, :name, :entry, :tick, :run) ' +
        'ON CONFLICT (app, function, entry) DO UPDATE SET tick = :tick, run = :run',
      { app, name, entry, tick, run: id ?? null },
    );
  },

  *getTick(app: string, name: string, entry: string): Work<ScheduleTick | undefined> {
    const row = yield* first('SELECT tick, run FROM ticks WHERE app = :app AND function = :name AND entry = :entry', {
      app,
      name,
      entry,
    });
    if (row === undefined) return undefined;
    const id = typeof row['run'] === 'string' ? { run: row['run'] } : {};
    return { app, function: name, entry, tick: Number(row['tick']), ...id };
  },

  *removeTick(app: string, name: string, entry: string): Work<void> {
    yield* run('DELETE FROM ticks WHERE app = :app AND function = :name AND entry = :entry', { app, name, entry });
  },
};

const toModel = (row: Row): AppModel => JSON.parse(String(row['model'])) as AppModel;
