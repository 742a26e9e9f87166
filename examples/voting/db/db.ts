// A PostgreSQL that needs nothing installed: PGlite (PostgreSQL compiled to WebAssembly) behind its socket server.
import { mkdirSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

const folder = process.env.PGDATA ?? '/data/pglite';
const port = Number(process.env.PGPORT ?? 5432);

mkdirSync(folder, { recursive: true });
const db = await PGlite.create(folder);

// Without maxConnections the server takes one client at a time and hangs up on the others. All clients share one session
// of the database, and their messages alternate: a statement is to be one message (psql's or pg's plain query), since
// another client may come between the messages of a prepared one.
const server = new PGLiteSocketServer({ db, host: '0.0.0.0', port, maxConnections: 100 });
server.addEventListener('error', (event) => console.error('db:', (event as CustomEvent).detail));

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void close(signal));

await server.start();
console.log(`db: ready on port ${port}, data in ${folder}`);

async function close(signal: string): Promise<void> {
  console.log(`db: ${signal}, closing`);
  await server.stop();
  await db.close();
  process.exit(0);
}
