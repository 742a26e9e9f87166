import { MinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import { canMove, isSettled, runStates, type CallbackState, type Run, type RunState } from '../model/run.ts';
import { columns, maybeRun, toPatchRow, toRow, toRun } from './run-rows.ts';
import { all, first, run as perform, type Statement, type Value, type Values, type Work } from './statement.ts';
import { idempotencyMs, type Ledger, type Retention, type RunFilter, type RunPatch } from './store.ts';

/** What the store's contract says of runs. */
export const runOperations = {
  *acceptRun(run: Run, input: Uint8Array | undefined): Work<Run> {
    const { app, idempotencyKey, createdAt } = run;
    if (idempotencyKey !== undefined) {
      const earlier = yield* first(byKeySql, { app, key: idempotencyKey, after: createdAt - idempotencyMs });
      if (earlier !== undefined) return toRun(earlier);
    }
    yield* store(run);
    if (input !== undefined)
      yield* perform('INSERT INTO inputs (run, bytes) VALUES (:id, :input)', { id: run.id, input });
    return run;
  },

  *getRun(id: Id): Work<Run | undefined> {
    return maybeRun(yield* first(byIdSql, { id }));
  },

  *inputOfRun(id: Id): Work<Uint8Array | undefined> {
    const row = yield* first('SELECT bytes FROM inputs WHERE run = :id', { id });
    return row === undefined ? undefined : new Uint8Array(row['bytes'] as Uint8Array);
  },

  *findRun(prefix: string): Work<Run | undefined> {
    if (!/^[0-9a-f]{1,64}$/.test(prefix)) return undefined;
    // Hex digits end before "g": the range holds exactly the ids that begin with the prefix.
    const range = { prefix, end: `${prefix}g` };
    const [found, another] = yield* all('SELECT * FROM runs WHERE id >= :prefix AND id < :end LIMIT 2', range);
    return another === undefined ? maybeRun(found) : undefined;
  },

  *listRuns(filter: RunFilter): Work<readonly Run[]> {
    const { sql, values } = listingOf(filter);
    return (yield* all(sql, values)).map(toRun);
  },

  *moveRun(id: Id, from: readonly RunState[], to: RunState, patch: RunPatch): Work<Run | undefined> {
    for (const state of from) checkEdge(state, to);
    return maybeRun(yield* first(moveSql(from, to), { id, to, ...movedRow(to, patch) }));
  },

  *retryRun(id: Id, again: Run): Work<Run | undefined> {
    const run = maybeRun(yield* first(byIdSql, { id }));
    if (run === undefined || !isSettled(run.state)) return undefined;
    const known = run.retriedAs === undefined ? undefined : yield* first(byIdSql, { id: run.retriedAs });
    if (known !== undefined) return toRun(known);
    yield* store(again);
    const both = { id, again: again.id };
    yield* perform('INSERT INTO inputs (run, bytes) SELECT :again, bytes FROM inputs WHERE run = :id', both);
    yield* perform('UPDATE runs SET retried_as = :again WHERE id = :id', both);
    return again;
  },

  *setOptionsOfRun(id: Id, options: Run['options']): Work<Run | undefined> {
    const values = { id, options: JSON.stringify(options) };
    return maybeRun(yield* first('UPDATE runs SET options = :options WHERE id = :id RETURNING *', values));
  },

  *owingRuns(after: Id | undefined, limit: number): Work<readonly Run[]> {
    const from = after === undefined ? '' : 'AND seq > (SELECT seq FROM runs WHERE id = :after)';
    const sql = `SELECT * FROM runs WHERE callback_state = 'owed' AND ended_at IS NOT NULL ${from} ORDER BY seq LIMIT :limit`;
    return (yield* all(sql, after === undefined ? { limit } : { after, limit })).map(toRun);
  },

  *settleCallback(id: Id, state: CallbackState): Work<void> {
    yield* perform(`UPDATE runs SET callback_state = :state WHERE id = :id AND callback_state = 'owed'`, { id, state });
  },

  *removeRun(id: Id): Work<void> {
    yield* perform('DELETE FROM inputs WHERE run = :id', { id });
    const removed = yield* first('DELETE FROM runs WHERE id = :id RETURNING id', { id });
    if (removed !== undefined) yield* perform(countSql, { entry: 'removed' });
  },

  *runLedger(): Work<Ledger> {
    return (yield* first(ledgerSql)) as unknown as Ledger;
  },

  *runsOfExcessOutput(maxBytes: number, limit: number): Work<readonly Run[]> {
    return (yield* all(excessSql, { maxBytes, limit })).map(toRun);
  },

  *markOutputRemoved(id: Id): Work<void> {
    yield* perform('UPDATE runs SET output_bytes = 0, output_removed = 1 WHERE id = :id', { id });
  },

  *expiredRuns({ now, maxAgeMs, maxDeadAgeMs, maxCount, limit }: Retention): Work<readonly Run[]> {
    const values = {
      endedBefore: now - maxAgeMs,
      deadBefore: now - maxDeadAgeMs,
      keysBefore: now - idempotencyMs,
      maxCount,
      limit,
    };
    return (yield* all(expiredSql, values)).map(toRun);
  },
};

function* store(run: Run): Work<void> {
  yield* perform(insertSql, toRow(run));
  yield* perform(countSql, { entry: 'accepted' });
}

const byIdSql = 'SELECT * FROM runs WHERE id = :id';

const byKeySql =
  'SELECT * FROM runs WHERE app = :app AND idempotency_key = :key AND created_at > :after ORDER BY created_at DESC LIMIT 1';

const countSql = 'UPDATE ledger SET count = count + 1 WHERE entry = :entry';

const insertSql = `INSERT INTO runs (${columns.join(', ')}) VALUES (${columns.map((name) => `:${name}`).join(', ')})`;

/** What goes back to the queue has neither start nor instance any more. */
const moveSql = (from: readonly RunState[], to: RunState): string => `
  UPDATE runs SET
    state = :to,
    attempts = coalesce(:attempts, attempts),
    options = coalesce(:options, options),
    started_at = ${to === 'queued' ? 'NULL' : 'coalesce(:started_at, started_at)'},
    instance = ${to === 'queued' ? 'NULL' : 'coalesce(:instance, instance)'},
    ended_at = coalesce(:ended_at, ended_at),
    exit_code = coalesce(:exit_code, exit_code),
    error = coalesce(:error, error),
    not_before = ${to === 'queued' ? ':not_before' : 'not_before'},
    failures = coalesce(:failures, failures),
    output_bytes = coalesce(:output_bytes, output_bytes)
  WHERE id = :id AND ${isOneOf(from)}
  RETURNING *`;

/** Only what `moveSql` asks for. */
function movedRow(to: RunState, patch: RunPatch): Values {
  const { started_at, instance, not_before, ...row } = toPatchRow(patch);
  return to === 'queued'
    ? { ...row, not_before: not_before ?? null }
    : { ...row, started_at: started_at ?? null, instance: instance ?? null };
}

/** The states are few and ours, so that each list is a statement of its own. */
function isOneOf(states: readonly RunState[]): string {
  const known = runStates.filter((state) => states.includes(state));
  return known.length === 0 ? '1 = 0' : `state IN (${known.map((state) => `'${state}'`).join(', ')})`;
}

const ledgerSql = `
  SELECT
    (SELECT count FROM ledger WHERE entry = 'accepted') AS accepted,
    (SELECT count FROM ledger WHERE entry = 'removed') AS removed,
    (SELECT count(*) FROM runs WHERE state = 'queued' AND ended_at IS NULL) AS waiting,
    (SELECT count(*) FROM runs WHERE state IN ('starting', 'running') AND ended_at IS NULL) AS "inFlight",
    (SELECT count(*) FROM runs WHERE state = 'dead') AS dead,
    (SELECT count(*) FROM runs WHERE state <> 'dead' AND ended_at IS NOT NULL) AS settled`;

/** Dead, and done once more by none: somebody is to look at it. */
const isLooked = `(state <> 'dead' OR retried_as IS NOT NULL)`;

/** No life of a container that is there, and nobody is still to be told of it. */
const isFree = `(
  (container IS NULL OR container NOT IN (SELECT id FROM containers)) AND (callback_state IS NULL OR callback_state <> 'owed')
)`;

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

// The sum of all that ended later and its own. The one index has all that is added up.
const excessSql = `
  SELECT * FROM runs
  WHERE ${isFree} AND seq IN (
    SELECT seq FROM (
      SELECT seq, sum(output_bytes) OVER (ORDER BY ended_at DESC, seq DESC ROWS UNBOUNDED PRECEDING) AS so_far
      FROM runs WHERE output_bytes > 0 AND ended_at IS NOT NULL
    ) AS sums
    WHERE so_far > :maxBytes
  )
  ORDER BY ended_at, seq LIMIT :limit`;

function listingOf(filter: RunFilter): Statement {
  const values: Record<string, Value> = { limit: filter.limit ?? 100 };
  const conditions: string[] = [];
  const when = (sql: string, name: string, value: Value | undefined): void => {
    if (value === undefined) return;
    conditions.push(sql);
    values[name] = value;
  };
  const isOldest = filter.order === 'oldest';
  when('app = :app', 'app', filter.app);
  when('function = :function', 'function', filter.function);
  when('parent = :parent', 'parent', filter.parent);
  if (filter.isRetried !== undefined) conditions.push(`retried_as IS ${filter.isRetried ? 'NOT ' : ''}NULL`);
  if (filter.states !== undefined) conditions.push(isOneOf(filter.states));
  when(`seq ${isOldest ? '>' : '<'} (SELECT seq FROM runs WHERE id = :after)`, 'after', filter.after);
  // Said again in the words of the index over unsettled runs, which SQLite takes only then.
  if (filter.states?.some(isSettled) === false) conditions.push('ended_at IS NULL');
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return { sql: `SELECT * FROM runs ${where} ORDER BY seq ${isOldest ? 'ASC' : 'DESC'} LIMIT :limit`, values };
}

function checkEdge(from: RunState, to: RunState): void {
  if (!canMove(from, to)) throw new MinkeError('INTERNAL', { reason: `a run cannot go from ${from} to ${to}` });
}
