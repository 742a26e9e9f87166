/** SQL that every store understands, with its values by name (`:name`). */
export interface Statement {
  readonly sql: string;
  readonly values: Values;
}

export type Value = string | number | Uint8Array | null;
export type Values = Readonly<Record<string, Value>>;
export type Row = Readonly<Record<string, unknown>>;

/**
 * A piece of work in somebody's transaction, written once for all stores: it asks statement by statement and goes on with the
 * rows, whether these come at once or over a network.
 */
export type Work<Result> = Generator<Statement, Result, readonly Row[]>;

export function* all(sql: string, values: Values = {}): Work<readonly Row[]> {
  return yield { sql, values };
}

export function* first(sql: string, values: Values = {}): Work<Row | undefined> {
  const [row] = yield { sql, values };
  return row;
}

export function* run(sql: string, values: Values = {}): Work<void> {
  yield { sql, values };
}
