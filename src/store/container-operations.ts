import type { ContainerRecord } from '../model/container.ts';
import type { Id } from '../model/ids.ts';
import { all, run, type Work } from './statement.ts';

export const containerOperations = {
  *putContainer(container: ContainerRecord): Work<void> {
    yield* run(
      'INSERT INTO containers (id, record) VALUES (:id, :record) ON CONFLICT (id) DO UPDATE SET record = :record',
      { id: container.id, record: JSON.stringify(container) },
    );
  },

  *listContainers(): Work<readonly ContainerRecord[]> {
    const rows = yield* all('SELECT record FROM containers ORDER BY seq');
    return rows.map((row) => JSON.parse(String(row['record'])) as ContainerRecord);
  },

  *removeContainer(id: Id): Work<void> {
    yield* run('DELETE FROM containers WHERE id = :id', { id });
  },
};
