import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerMessage } from './sqlite-client.ts';
import { createGroupCommit } from './sqlite-commit.ts';
import type { StoreRequest } from './operations.ts';
import { toOpenError } from './sqlite-errors.ts';
import { migrate } from './sqlite-schema.ts';

// The thread that owns the database file. It takes batches of requests and answers each batch once it is on disk.

const { file } = workerData as { readonly file: string };

function serve(db: DatabaseSync): void {
  const commit = createGroupCommit(db, file);
  parentPort?.on('message', (message: readonly StoreRequest[] | 'close') => {
    if (message === 'close') close(db);
    else tell({ answers: commit(message) });
  });
}

function close(db: DatabaseSync): void {
  db.close();
  parentPort?.close();
}

function open(): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 5000 });
  // Readers beside the writer, and every commit synced before it is answered (synchronous=NORMAL would lose the last ones).
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;');
  migrate(db, file);
  return db;
}

const tell = (message: WorkerMessage): void => parentPort?.postMessage(message, []);

try {
  serve(open());
  tell({ opened: true });
} catch (thrown) {
  tell({ refused: toOpenError(thrown, file).toJSON() });
  parentPort?.close();
}
