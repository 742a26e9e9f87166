import type { DatabaseSync } from 'node:sqlite';
import type { AppModel } from '../model/app.ts';

export interface AppOperations {
  readonly putApp: (model: AppModel) => void;
  readonly getApp: (name: string) => AppModel | undefined;
  readonly listApps: () => readonly AppModel[];
  readonly removeApp: (name: string) => void;
}

export function prepareApps(db: DatabaseSync): AppOperations {
  const put = db.prepare(
    'INSERT INTO apps (name, model) VALUES (:name, :model) ON CONFLICT (name) DO UPDATE SET model = :model',
  );
  const get = db.prepare('SELECT model FROM apps WHERE name = ?');
  const list = db.prepare('SELECT model FROM apps ORDER BY name');
  const remove = db.prepare('DELETE FROM apps WHERE name = ?');
  return {
    putApp: (model) => void put.run({ name: model.name, model: JSON.stringify(model) }),
    getApp: (name) => {
      const row = get.get(name);
      return row === undefined ? undefined : (JSON.parse(String(row['model'])) as AppModel);
    },
    listApps: () => list.all().map((row) => JSON.parse(String(row['model'])) as AppModel),
    removeApp: (name) => void remove.run(name),
  };
}
