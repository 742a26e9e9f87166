import { openSqliteClient } from './sqlite-client.ts';
import { storeOver } from './store-client.ts';
import type { Store } from './store.ts';

/**
 * The store of one host: a SQLite file, owned by a worker thread so that a sync never holds up a request. Concurrent
 * writes share a commit. The folder must exist; the file is made, or brought to the newest schema.
 * @throws DATA_FOLDER where the file cannot be opened, is none of minke's, or is of a newer minke; OUT_OF_DISK.
 */
export async function createSqliteStore({ file }: { readonly file: string }): Promise<Store> {
  return storeOver(await openSqliteClient(file));
}
