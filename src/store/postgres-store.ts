import { MinkeError, toMinkeError } from '../errors/index.ts';
import { isReading, workOf, type StoreAnswer, type StoreRequest } from './operations.ts';
import { isLost, toPostgresError } from './postgres-errors.ts';
import { createSession, type Connection, type Session } from './postgres-session.ts';
import { createRequestBatches } from './request-batches.ts';
import type { Work } from './statement.ts';
import { createStoreClient, storeOver } from './store-client.ts';
import type { Store } from './store.ts';

/**
 * The store in a PostgreSQL database, which its operator keeps available: `postgres://USER@HOST/DATABASE`. Concurrent writes share a
 * commit. While it cannot be reached everything rejects with STATE_UNREACHABLE, and goes on by itself when it can; where the
 * connection breaks in the middle of a commit, nobody can say whether that was stored.
 * @throws STATE_UNREACHABLE, STATE_LOCKED where another daemon has this state, DATA_FOLDER for that of a newer minke
 */
export async function createPostgresStore({ url }: { readonly url: string }): Promise<Store> {
  const place = withoutPassword(url);
  const session = createSession({ url, place });
  try {
    await session.during(async (connection) => await connection.command('SELECT 1'));
  } catch (thrown) {
    await session.close();
    throw toPostgresError(thrown, 'open', place);
  }
  const commit = createCommit(session, place);
  const batches = createRequestBatches((requests) => {
    commit(requests).then(batches.answered, (error: unknown) => batches.refuse(toMinkeError(error)));
  });
  return storeOver(createStoreClient(batches, session.close));
}

/** @throws USAGE for what is no address of a database */
export function withoutPassword(url: string): string {
  const shown = URL.canParse(url) ? new URL(url) : undefined;
  if (shown === undefined || !/^postgres(?:ql)?:$/.test(shown.protocol))
    throw new MinkeError('USAGE', {
      reason: `MINKE_STORE cannot be "${url}"`,
      mend: 'Write the address of a database: postgres://USER@HOST/DATABASE',
    });
  if (shown.password !== '') shown.password = '***';
  if (shown.searchParams.has('password')) shown.searchParams.set('password', '***');
  return shown.href;
}

/**
 * Carries out the requests in one transaction, and answers each in order. Where one of them fails, all are taken back and tried
 * again, each in a transaction of its own, so that a bad one does not fail its good neighbours.
 */
function createCommit(
  session: Session,
  place: string,
): (requests: readonly StoreRequest[]) => Promise<readonly StoreAnswer[]> {
  const failed = (thrown: unknown, { name }: StoreRequest): StoreAnswer => ({
    error: toPostgresError(thrown, name, place).toJSON(),
  });

  const commit = async (requests: readonly StoreRequest[]): Promise<readonly StoreAnswer[]> => {
    try {
      return await session.during(async (connection) => await together(connection, requests));
    } catch (thrown) {
      // What is known to be lost is not asked for again, request by request.
      if (requests.length > 1 && !isLost(thrown)) return await eachAlone(requests);
      return requests.map((request) => failed(thrown, request));
    }
  };

  const eachAlone = async (requests: readonly StoreRequest[]): Promise<readonly StoreAnswer[]> => {
    const answers: StoreAnswer[] = [];
    for (const request of requests) answers.push(...(await commit([request])));
    return answers;
  };

  return commit;
}

/** What changes nothing needs no transaction. */
async function together(connection: Connection, requests: readonly StoreRequest[]): Promise<readonly StoreAnswer[]> {
  const changes = !requests.every(isReading);
  const answers: StoreAnswer[] = [];
  try {
    if (changes) await connection.command('BEGIN');
    for (const request of requests) answers.push({ value: await carryOut(connection, workOf(request)) });
    if (changes) await connection.command('COMMIT');
    return answers;
  } catch (thrown) {
    if (changes) await connection.command('ROLLBACK').catch(() => undefined);
    throw thrown;
  }
}

async function carryOut<Result>(connection: Connection, work: Work<Result>): Promise<Result> {
  let step = work.next([]);
  while (step.done !== true) step = work.next(await connection.query(step.value));
  return step.value;
}
