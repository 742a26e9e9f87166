import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import { MinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import { canMove, isSettled, type Run, type RunState } from '../model/run.ts';
import { idempotencyMs, type Ledger, type Retention, type RunFilter, type RunPatch } from './store.ts';

type Row = Record<string, SQLOutputValue>;

/** What the store's contract says of runs, as synchronous calls inside somebody's transaction. */
export interface RunOperations {
  readonly acceptRun: (run: Run, input: Uint8Array | undefined) => Run;
  readonly getRun: (id: Id) => Run | undefined;
  readonly inputOfRun: (id: Id) => Uint8Array | undefined;
  readonly findRun: (prefix: string) => Run | undefined;
  readonly listRuns: (filter: RunFilter) => readonly Run[];
  readonly moveRun: (id: Id, from: readonly RunState[], to: RunState, patch: RunPatch) => Run | undefined;
  readonly retryRun: (id: Id, again: Run) => Run | undefined;
  readonly setOptionsOfRun: (id: Id, options: Run['options']) => Run | undefined;
  readonly removeRun: (id: Id) => void;
  readonly runLedger: () => Ledger;
  readonly expiredRuns: (retention: Retention) => readonly Run[];
}

export function prepareRuns(db: DatabaseSync): RunOperations {
  const byId = db.prepare('SELECT * FROM runs WHERE id = ?');
  const byKey = db.prepare(
    'SELECT * FROM runs WHERE app = ? AND idempotency_key = ? AND created_at > ? ORDER BY created_at DESC LIMIT 1',
  );
  const insert = db.prepare(insertSql);
  const insertInput = db.prepare('INSERT INTO inputs (run, bytes) VALUES (?, ?)');
  const inputOf = db.prepare('SELECT bytes FROM inputs WHERE run = ?');
  // Hex digits end before "g": the range holds exactly the ids that begin with the prefix.
  const byPrefix = db.prepare(`SELECT * FROM runs WHERE id >= :prefix AND id < :prefix || 'g' LIMIT 2`);
  const move = db.prepare(moveSql);
  const setOptions = db.prepare('UPDATE runs SET options = ? WHERE id = ? RETURNING *');
  const remove = db.prepare('DELETE FROM runs WHERE id = ?');
  const removeInput = db.prepare('DELETE FROM inputs WHERE run = ?');
  const expired = db.prepare(expiredSql);
  const noteRetry = db.prepare('UPDATE runs SET retried_as = ? WHERE id = ?');
  const copyInput = db.prepare('INSERT INTO inputs (run, bytes) SELECT ?, bytes FROM inputs WHERE run = ?');
  const count = db.prepare('UPDATE ledger SET count = count + ? WHERE entry = ?');
  const ledger = db.prepare(ledgerSql);
  const listing = prepareListing(db);

  const store = (run: Run): void => {
    insert.run(toRow(run));
    count.run(1, 'accepted');
  };

  return {
    acceptRun: (run, input) => {
      const earlier =
        run.idempotencyKey === undefined
          ? undefined
          : byKey.get(run.app, run.idempotencyKey, run.createdAt - idempotencyMs);
      if (earlier !== undefined) return toRun(earlier);
      store(run);
      if (input !== undefined) insertInput.run(run.id, input);
      return run;
    },
    getRun: (id) => maybeRun(byId.get(id)),
    inputOfRun: (id) => inputOf.get(id)?.['bytes'] as Uint8Array | undefined,
    findRun: (prefix) => {
      if (!/^[0-9a-f]{1,64}$/.test(prefix)) return undefined;
      const [found, another] = byPrefix.all({ prefix });
      return another === undefined ? maybeRun(found) : undefined;
    },
    listRuns: (filter) => listing(filter).map(toRun),
    moveRun: (id, from, to, patch) => {
      for (const state of from) checkEdge(state, to);
      return maybeRun(move.get({ id, from: JSON.stringify(from), to, ...toPatchRow(patch) }));
    },
    retryRun: (id, again) => {
      const run = maybeRun(byId.get(id));
      if (run === undefined || !isSettled(run.state)) return undefined;
      const known = run.retriedAs === undefined ? undefined : maybeRun(byId.get(run.retriedAs));
      if (known !== undefined) return known;
      store(again);
      copyInput.run(again.id, id);
      noteRetry.run(again.id, id);
      return again;
    },
    setOptionsOfRun: (id, options) => maybeRun(setOptions.get(JSON.stringify(options), id)),
    removeRun: (id) => {
      removeInput.run(id);
      count.run(remove.run(id).changes, 'removed');
    },
    runLedger: () => ledger.get() as unknown as Ledger,
    expiredRuns: ({ now, maxAgeMs, maxDeadAgeMs, maxCount, limit }) =>
      expired
        .all({
          endedBefore: now - maxAgeMs,
          deadBefore: now - maxDeadAgeMs,
          keysBefore: now - idempotencyMs,
          maxCount,
          limit,
        })
        .map(toRun),
  };
}

const columns = [
  'id',
  'app',
  'function',
  'target',
  'args',
  'env',
  'options',
  'state',
  'attempts',
  'created_at',
  'started_at',
  'ended_at',
  'timeout_ms',
  'exit_code',
  'error',
  'instance',
  'parent',
  'idempotency_key',
  'not_before',
  'expires_at',
  'retries',
  'failures',
  'retry_of',
  'retried_as',
  'container',
];

const insertSql = `INSERT INTO runs (${columns.join(', ')}) VALUES (${columns.map((name) => `:${name}`).join(', ')})`;

const moveSql = `
  UPDATE runs SET
    state = :to,
    attempts = coalesce(:attempts, attempts),
    options = coalesce(:options, options),
    started_at = CASE :to WHEN 'queued' THEN NULL ELSE coalesce(:started_at, started_at) END,
    instance = CASE :to WHEN 'queued' THEN NULL ELSE coalesce(:instance, instance) END,
    ended_at = coalesce(:ended_at, ended_at),
    exit_code = coalesce(:exit_code, exit_code),
    error = coalesce(:error, error),
    not_before = CASE :to WHEN 'queued' THEN :not_before ELSE not_before END,
    failures = coalesce(:failures, failures)
  WHERE id = :id AND state IN (SELECT value FROM json_each(:from))
  RETURNING *`;

const ledgerSql = `
  SELECT
    (SELECT count FROM ledger WHERE entry = 'accepted') AS accepted,
    (SELECT count FROM ledger WHERE entry = 'removed') AS removed,
    (SELECT count(*) FROM runs WHERE state = 'queued' AND ended_at IS NULL) AS waiting,
    (SELECT count(*) FROM runs WHERE state IN ('starting', 'running') AND ended_at IS NULL) AS inFlight,
    (SELECT count(*) FROM runs WHERE state = 'dead') AS dead,
    (SELECT count(*) FROM runs WHERE state <> 'dead' AND ended_at IS NOT NULL) AS settled`;

/** Dead, and done once more by none: somebody is to look at it. */
const isLooked = `(state <> 'dead' OR retried_as IS NOT NULL)`;

/** No life of a container that is there. */
const isFree = `(container IS NULL OR container NOT IN (SELECT id FROM containers))`;

// (ended_at, seq) is unique, so that exactly maxCount rows stay where many ended within one millisecond.
const expiredSql = `
  SELECT * FROM runs
  WHERE ended_at IS NOT NULL AND ${isFree} AND (
    ended_at < :deadBefore
    OR (${isLooked} AND (
      ended_at < :endedBefore
      OR ((idempotency_key IS NULL OR created_at <= :keysBefore) AND (ended_at, seq) <= (
        SELECT ended_at, seq FROM runs
        WHERE ended_at IS NOT NULL AND ${isFree} AND ${isLooked} ORDER BY ended_at DESC, seq DESC LIMIT 1 OFFSET :maxCount
      ))
    ))
  )
  ORDER BY ended_at, seq LIMIT :limit`;

type Conditions = Record<string, SQLInputValue>;

/** One statement for each combination of conditions that was asked for; there are few, and each is prepared once. */
function prepareListing(db: DatabaseSync): (filter: RunFilter) => Row[] {
  const statements = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  return (filter) => {
    const { sql, values } = listingOf(filter);
    const statement = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, statement);
    return statement.all(values);
  };
}

function listingOf(filter: RunFilter): { readonly sql: string; readonly values: Conditions } {
  const values: Conditions = { limit: filter.limit ?? 100 };
  const conditions: string[] = [];
  const when = (sql: string, name: string, value: SQLInputValue | undefined): void => {
    if (value === undefined) return;
    conditions.push(sql);
    values[name] = value;
  };
  const isOldest = filter.order === 'oldest';
  when('app = :app', 'app', filter.app);
  when('function = :function', 'function', filter.function);
  when('parent = :parent', 'parent', filter.parent);
  when(
    '(retried_as IS NOT NULL) = :retried',
    'retried',
    filter.isRetried === undefined ? undefined : Number(filter.isRetried),
  );
  when('state IN (SELECT value FROM json_each(:states))', 'states', filter.states && JSON.stringify(filter.states));
  when(`seq ${isOldest ? '>' : '<'} (SELECT seq FROM runs WHERE id = :after)`, 'after', filter.after);
  // Said again in the words of the index over unsettled runs, which SQLite takes only then.
  if (filter.states?.some(isSettled) === false) conditions.push('ended_at IS NULL');
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return { sql: `SELECT * FROM runs ${where} ORDER BY seq ${isOldest ? 'ASC' : 'DESC'} LIMIT :limit`, values };
}

function checkEdge(from: RunState, to: RunState): void {
  if (!canMove(from, to)) throw new MinkeError('INTERNAL', { reason: `a run cannot go from ${from} to ${to}` });
}

function toRow(run: Run): Record<string, SQLInputValue> {
  return {
    id: run.id,
    app: run.app,
    function: 'function' in run.target ? run.target.function : null,
    target: JSON.stringify(run.target),
    args: JSON.stringify(run.args),
    env: JSON.stringify(run.env),
    state: run.state,
    created_at: run.createdAt,
    timeout_ms: run.timeoutMs,
    parent: run.parent ?? null,
    idempotency_key: run.idempotencyKey ?? null,
    expires_at: run.expiresAt ?? null,
    retries: run.retries === undefined ? null : JSON.stringify(run.retries),
    retry_of: run.retryOf ?? null,
    retried_as: run.retriedAs ?? null,
    container: run.container ?? null,
    ...toPatchRow(run),
  };
}

function toPatchRow(patch: RunPatch): Record<string, SQLInputValue> {
  return {
    attempts: patch.attempts ?? null,
    options: patch.options === undefined ? null : JSON.stringify(patch.options),
    started_at: patch.startedAt ?? null,
    ended_at: patch.endedAt ?? null,
    exit_code: patch.exitCode ?? null,
    error: patch.error === undefined ? null : JSON.stringify(patch.error),
    instance: patch.instance ?? null,
    not_before: patch.notBefore ?? null,
    failures: patch.failures === undefined ? null : JSON.stringify(patch.failures),
  };
}

const maybeRun = (row: Row | undefined): Run | undefined => (row === undefined ? undefined : toRun(row));

/** The columns are what `toRow` wrote: this file is their only writer. */
function toRun(row: Row): Run {
  const optional = {
    startedAt: row['started_at'],
    endedAt: row['ended_at'],
    exitCode: row['exit_code'],
    error: row['error'] === null ? null : parse(row['error']),
    instance: row['instance'],
    parent: row['parent'],
    idempotencyKey: row['idempotency_key'],
    notBefore: row['not_before'],
    expiresAt: row['expires_at'],
    retries: row['retries'] === null ? null : parse(row['retries']),
    failures: row['failures'] === null ? null : parse(row['failures']),
    retryOf: row['retry_of'],
    retriedAs: row['retried_as'],
    container: row['container'],
  };
  return {
    id: row['id'],
    app: row['app'],
    target: parse(row['target']),
    args: parse(row['args']),
    env: parse(row['env']),
    options: parse(row['options']),
    state: row['state'],
    attempts: row['attempts'],
    createdAt: row['created_at'],
    timeoutMs: row['timeout_ms'],
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== null)),
  } as unknown as Run;
}

const parse = (text: SQLOutputValue | undefined): unknown => JSON.parse(String(text));
