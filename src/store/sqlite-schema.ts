import type { DatabaseSync } from 'node:sqlite';
import { MinkeError } from '../errors/index.ts';

/**
 * Migrations by number: the first brings an empty file to version 1, and so on. One that has been released is never
 * changed; a later one mends it. The file's version is SQLite's `user_version`.
 *
 * Runs are in order of their acceptance (`seq`); what is looked for has a column, the rest is JSON.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE runs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    app TEXT NOT NULL,
    function TEXT,
    target TEXT NOT NULL,
    args TEXT NOT NULL,
    env TEXT NOT NULL,
    options TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    timeout_ms INTEGER NOT NULL,
    exit_code INTEGER,
    error TEXT,
    instance TEXT,
    parent TEXT,
    idempotency_key TEXT,
    CHECK ((state IN ('queued', 'starting', 'running')) = (ended_at IS NULL))
  ) STRICT;
  CREATE INDEX runs_by_app ON runs (app, seq);
  CREATE INDEX runs_by_parent ON runs (parent, seq) WHERE parent IS NOT NULL;
  CREATE INDEX runs_unsettled ON runs (state, seq) WHERE ended_at IS NULL;
  CREATE INDEX runs_settled ON runs (ended_at, seq) WHERE ended_at IS NOT NULL;
  CREATE INDEX runs_by_key ON runs (app, idempotency_key, created_at) WHERE idempotency_key IS NOT NULL;
  CREATE TABLE inputs (run TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE apps (name TEXT PRIMARY KEY, model TEXT NOT NULL) STRICT;
  CREATE TABLE timeline (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, app TEXT, event TEXT NOT NULL) STRICT;
  CREATE INDEX timeline_by_app ON timeline (app, at);
  CREATE INDEX timeline_by_time ON timeline (at);
  `,
  `
  CREATE TABLE service_ends (
    app TEXT NOT NULL,
    service TEXT NOT NULL,
    digest TEXT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (app, service)
  ) STRICT;
  `,
  `
  ALTER TABLE runs ADD COLUMN not_before INTEGER;
  ALTER TABLE runs ADD COLUMN expires_at INTEGER;
  ALTER TABLE runs ADD COLUMN retries TEXT;
  ALTER TABLE runs ADD COLUMN failures TEXT;
  ALTER TABLE runs ADD COLUMN retry_of TEXT;
  ALTER TABLE runs ADD COLUMN retried_as TEXT;
  CREATE INDEX runs_dead ON runs (seq) WHERE state = 'dead';
  CREATE TABLE ledger (entry TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT;
  INSERT INTO ledger SELECT 'accepted', count(*) FROM runs UNION ALL SELECT 'removed', 0;
  CREATE TABLE ticks (
    app TEXT NOT NULL,
    function TEXT NOT NULL,
    entry TEXT NOT NULL,
    tick INTEGER NOT NULL,
    run TEXT,
    PRIMARY KEY (app, function, entry)
  ) STRICT;
  `,
  `
  CREATE TABLE place_ends (
    app TEXT NOT NULL,
    service TEXT NOT NULL,
    replica INTEGER NOT NULL,
    digest TEXT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (app, service, replica)
  ) STRICT;
  INSERT INTO place_ends SELECT app, service, 1, digest, outcome FROM service_ends;
  DROP TABLE service_ends;
  ALTER TABLE place_ends RENAME TO service_ends;
  `,
  `
  CREATE TABLE containers (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record TEXT NOT NULL) STRICT;
  ALTER TABLE runs ADD COLUMN container TEXT;
  `,
  `
  ALTER TABLE runs ADD COLUMN callback_url TEXT;
  ALTER TABLE runs ADD COLUMN callback_state TEXT;
  CREATE INDEX runs_owing ON runs (seq) WHERE callback_state = 'owed';
  `,
  `
  ALTER TABLE runs ADD COLUMN output_bytes INTEGER;
  ALTER TABLE runs ADD COLUMN output_removed INTEGER;
  CREATE INDEX runs_with_output ON runs (ended_at, seq, output_bytes) WHERE output_bytes > 0;
  `,
];

/** Brings the file to the newest schema, each step in a transaction of its own. @throws DATA_FOLDER for a newer file. */
export function migrate(db: DatabaseSync, file: string): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
  if (version > migrations.length) throw newerSchema(file, version);
  for (const [index, sql] of migrations.entries()) {
    if (index >= version) db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}

function newerSchema(file: string, version: number): MinkeError {
  const reason = `its state was written by a newer minke (schema ${version}, this one knows ${migrations.length}); use that minke`;
  return new MinkeError('DATA_FOLDER', { folder: file, reason });
}
