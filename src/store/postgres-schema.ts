/**
 * Migrations by number, as those of SQLite (sqlite-schema.ts): one that has been released is never changed. The same tables; text is
 * compared byte for byte, as SQLite does.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE runs (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    app TEXT COLLATE "C" NOT NULL,
    function TEXT COLLATE "C",
    target TEXT NOT NULL,
    args TEXT NOT NULL,
    env TEXT NOT NULL,
    options TEXT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    attempts INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    timeout_ms BIGINT NOT NULL,
    exit_code INTEGER,
    error TEXT,
    instance TEXT COLLATE "C",
    parent TEXT COLLATE "C",
    idempotency_key TEXT COLLATE "C",
    not_before BIGINT,
    expires_at BIGINT,
    retries TEXT,
    failures TEXT,
    retry_of TEXT COLLATE "C",
    retried_as TEXT COLLATE "C",
    container TEXT COLLATE "C",
    CHECK ((state IN ('queued', 'starting', 'running')) = (ended_at IS NULL))
  );
  CREATE INDEX runs_by_app ON runs (app, seq);
  CREATE INDEX runs_by_parent ON runs (parent, seq) WHERE parent IS NOT NULL;
  CREATE INDEX runs_unsettled ON runs (state, seq) WHERE ended_at IS NULL;
  CREATE INDEX runs_settled ON runs (ended_at, seq) WHERE ended_at IS NOT NULL;
  CREATE INDEX runs_by_key ON runs (app, idempotency_key, created_at) WHERE idempotency_key IS NOT NULL;
  CREATE INDEX runs_dead ON runs (seq) WHERE state = 'dead';
  CREATE TABLE inputs (run TEXT COLLATE "C" PRIMARY KEY, bytes BYTEA NOT NULL);
  CREATE TABLE ledger (entry TEXT COLLATE "C" PRIMARY KEY, count BIGINT NOT NULL);
  INSERT INTO ledger VALUES ('accepted', 0), ('removed', 0);
  CREATE TABLE apps (name TEXT COLLATE "C" PRIMARY KEY, model TEXT NOT NULL);
  CREATE TABLE service_ends (
    app TEXT COLLATE "C" NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    replica INTEGER NOT NULL,
    digest TEXT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (app, service, replica)
  );
  CREATE TABLE ticks (
    app TEXT COLLATE "C" NOT NULL,
    function TEXT COLLATE "C" NOT NULL,
    entry TEXT COLLATE "C" NOT NULL,
    tick BIGINT NOT NULL,
    run TEXT COLLATE "C",
    PRIMARY KEY (app, function, entry)
  );
  CREATE TABLE containers (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    record TEXT NOT NULL
  );
  CREATE TABLE timeline (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    app TEXT COLLATE "C",
    event TEXT NOT NULL
  );
  CREATE INDEX timeline_by_app ON timeline (app, at);
  CREATE INDEX timeline_by_time ON timeline (at);
  `,
  `
  ALTER TABLE runs ADD COLUMN callback_url TEXT;
  ALTER TABLE runs ADD COLUMN callback_state TEXT;
  CREATE INDEX runs_owing ON runs (seq) WHERE callback_state = 'owed';
  ALTER TABLE runs ADD COLUMN output_bytes BIGINT;
  ALTER TABLE runs ADD COLUMN output_removed INTEGER;
  CREATE INDEX runs_with_output ON runs (ended_at, seq, output_bytes) WHERE output_bytes > 0;
  `,
];
