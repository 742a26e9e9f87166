import { randomBytes } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

// The least that accepts runs: what came in while the last commit was synced is one transaction, as in the simplest group commit.

const [folder = '', socket = ''] = process.argv.slice(2);
const db = new DatabaseSync(join(folder, 'floor.db'));
db.exec(
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE runs (id TEXT PRIMARY KEY, body TEXT) STRICT',
);
const insert = db.prepare('INSERT INTO runs VALUES (?, ?)');
let waiting: { readonly body: string; readonly response: ServerResponse }[] = [];

function commit(): void {
  const batch = waiting;
  waiting = [];
  db.exec('BEGIN IMMEDIATE');
  const ids = batch.map(({ body }) => {
    const id = randomBytes(32).toString('hex');
    insert.run(id, body);
    return id;
  });
  db.exec('COMMIT');
  for (const [index, { response }] of batch.entries()) {
    const answer = `{"run":{"id":"${ids[index]}"}}`;
    response.writeHead(202, { 'content-type': 'application/json', 'content-length': answer.length }).end(answer);
  }
}

createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (part: string) => {
    body += part;
  });
  request.on('end', () => {
    waiting.push({ body, response });
    if (waiting.length === 1) setImmediate(commit);
  });
}).listen(socket, () => console.log('ready'));
