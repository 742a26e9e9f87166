import type { DatabaseSync } from 'node:sqlite';
import type { ContainerRecord } from '../model/container.ts';
import type { Id } from '../model/ids.ts';

export interface ContainerOperations {
  readonly putContainer: (container: ContainerRecord) => void;
  readonly listContainers: () => readonly ContainerRecord[];
  readonly removeContainer: (id: Id) => void;
}

export function prepareContainers(db: DatabaseSync): ContainerOperations {
  const put = db.prepare(
    'INSERT INTO containers (id, record) VALUES (:id, :record) ON CONFLICT (id) DO UPDATE SET record = :record',
  );
  const list = db.prepare('SELECT record FROM containers ORDER BY seq');
  const remove = db.prepare('DELETE FROM containers WHERE id = ?');
  return {
    putContainer: (container) => void put.run({ id: container.id, record: JSON.stringify(container) }),
    listContainers: () => list.all().map((row) => JSON.parse(String(row['record'])) as ContainerRecord),
    removeContainer: (id) => void remove.run(id),
  };
}
