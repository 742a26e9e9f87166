import { Client, types } from 'pg';
import { MinkeError } from '../errors/index.ts';
import { isLost } from './postgres-errors.ts';
import { migrations } from './postgres-schema.ts';
import type { Row, Statement, Value } from './statement.ts';

/**
 * The one connection to a database, made when it is needed and made anew after it was lost. While it is there no other daemon has
 * the same state: a lock of the session says so, which the server gives up with the connection.
 */
export interface Session {
  /** All that is asked in it goes over one connection: where that is lost in the middle, what follows fails and does not begin anew. */
  during<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

export interface Connection {
  query(statement: Statement): Promise<readonly Row[]>;
  /** Several, without values. */
  command(sql: string): Promise<void>;
}

export interface SessionPlace {
  readonly url: string;
  /** The same for people: without the password. */
  readonly place: string;
}

/** Which state is meant: all of minke's tables lie in this schema of the database. */
const schema = 'minke';
/** Of pg_try_advisory_lock: any number, the same in each daemon. */
const ownerLock = 7_164_658;

const connectTimeoutMs = 5_000;
/** Longer than any statement of ours takes: the network is silent then. */
const queryTimeoutMs = 30_000;

/** Set for the session, whatever the server's own settings are; those for TCP have it miss a daemon's machine within 25 s. */
const settings = {
  search_path: schema,
  synchronous_commit: 'on',
  lock_timeout: '5s',
  client_min_messages: 'warning',
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
};

export function createSession({ url, place }: SessionPlace): Session {
  const statements = createStatements();
  let current: Promise<Client> | undefined;

  /** Unless there is another by now. */
  const forget = (lost: Promise<Client>): void => {
    if (current === lost) current = undefined;
  };

  const connected = (): Promise<Client> => {
    if (current !== undefined) return current;
    // Between two statements nobody else would hear of its end.
    const opening: Promise<Client> = openClient({ url, place }, () => forget(opening));
    opening.catch(() => forget(opening));
    current = opening;
    return opening;
  };

  return {
    during: async (work) => {
      const opening = connected();
      const client = await opening;
      try {
        return await work(connectionOf(client, statements));
      } catch (error) {
        if (isLost(error)) {
          forget(opening);
          client.end().catch(() => undefined);
        }
        throw error;
      }
    },
    close: async () => {
      const client = await current?.catch(() => undefined);
      await client?.end().catch(() => undefined);
    },
  };
}

async function openClient({ url, place }: SessionPlace, onEnd: () => void): Promise<Client> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    keepAlive: true,
    application_name: 'minke',
    types: { getTypeParser: parserOf },
  });
  client.on('error', onEnd);
  client.on('end', onEnd);
  try {
    await client.connect();
    await prepare(client, place);
    return client;
  } catch (error) {
    client.end().catch(() => undefined);
    throw error;
  }
}

const connectionOf = (client: Client, statements: (sql: string) => Prepared): Connection => ({
  query: async ({ sql, values }) => {
    const { name, text, order } = statements(sql);
    return (await client.query<Row>({ name, text, values: order.map((key) => toParameter(values[key])) })).rows;
  },
  command: async (sql) => void (await client.query(sql)),
});

/** @throws STATE_LOCKED where another daemon has it, DATA_FOLDER for the state of a newer minke */
async function prepare(client: Client, place: string): Promise<void> {
  for (const [name, value] of Object.entries(settings))
    await client.query(`SELECT set_config($1, $2, false)`, [name, value]);
  const { rows } = await client.query<Row>('SELECT pg_try_advisory_lock($1) AS "isOurs"', [ownerLock]);
  if (rows[0]?.['isOurs'] !== true) throw new MinkeError('STATE_LOCKED', { file: place });
  await migrate(client, place);
}

async function migrate(client: Client, place: string): Promise<void> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  await client.query('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)');
  const { rows } = await client.query<Row>('SELECT version FROM schema_version');
  const version = Number(rows[0]?.['version'] ?? 0);
  if (version > migrations.length) {
    const reason = `its state was written by a newer minke (schema ${version}, this one knows ${migrations.length}); use that minke`;
    throw new MinkeError('DATA_FOLDER', { folder: place, reason });
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    const note = `DELETE FROM schema_version; INSERT INTO schema_version VALUES (${index + 1})`;
    await client.query(`BEGIN; ${sql}; ${note}; COMMIT;`);
  }
}

const int8: number = types.builtins.INT8;

/** Integers of 8 bytes, which are times and counts here: as numbers, and not as text. */
const parserOf = ((oid: number, format?: 'text') =>
  oid === int8 ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser;

const toParameter = (value: Value | undefined): unknown =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;

interface Prepared {
  readonly name: string;
  /** With `$1` for the first of `order`, and so on. */
  readonly text: string;
  readonly order: readonly string[];
}

/** Statements are few, so that the server keeps each prepared under a name of its own. */
function createStatements(): (sql: string) => Prepared {
  const known = new Map<string, Prepared>();
  return (sql) => {
    const found = known.get(sql);
    if (found !== undefined) return found;
    const order: string[] = [];
    const text = sql.replace(/(?<!:):(\w+)/g, (_, key: string) => {
      if (!order.includes(key)) order.push(key);
      return `$${order.indexOf(key) + 1}`;
    });
    const prepared = { name: `minke-${known.size}`, text, order };
    known.set(sql, prepared);
    return prepared;
  };
}
