import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { MinkeError } from '../errors/index.ts';
import { isReading, workOf, type StoreAnswer, type StoreRequest } from './operations.ts';
import { toStoreError } from './sqlite-errors.ts';
import type { Row, Statement, Work } from './statement.ts';

/**
 * Carries out the requests in one transaction, so that they share its sync, and answers each in order. An answer is
 * given only for what is on disk. A request that fails is taken back alone (its savepoint); where the whole transaction
 * is lost (SQLite ends it by itself when the disk is full, and the commit can fail), each is tried again alone, so that
 * the big one that does not fit fails and its small neighbours do not.
 */
export function createGroupCommit(
  db: DatabaseSync,
  file: string,
): (requests: readonly StoreRequest[]) => readonly StoreAnswer[] {
  const transaction = prepareTransaction(db);
  const carryOut = createDriver(db);

  const commit = (requests: readonly StoreRequest[]): readonly StoreAnswer[] => {
    try {
      begin(requests);
    } catch (thrown) {
      // Who writes has to wait for another program's lock, and did; who reads does not.
      const isMixed = requests.some(isReading) && !requests.every(isReading);
      return requests.flatMap((request) =>
        isMixed && isReading(request) ? commit([request]) : failed(toStoreError(thrown, request.name, file)),
      );
    }
    try {
      const answers = requests.map(answer);
      transaction.commit();
      return answers;
    } catch (thrown) {
      if (db.isTransaction) transaction.rollback();
      if (requests.length > 1) return requests.flatMap((request) => commit([request]));
      return requests.map(({ name }) => failed(toStoreError(thrown, name, file)));
    }
  };

  const begin = (requests: readonly StoreRequest[]): void => {
    if (requests.every(isReading)) transaction.beginReading();
    else transaction.beginWriting();
  };

  const answer = (request: StoreRequest): StoreAnswer => {
    transaction.save();
    try {
      const value = carryOut(workOf(request));
      transaction.release();
      return { value };
    } catch (thrown) {
      if (!db.isTransaction) throw thrown;
      transaction.takeBack();
      transaction.release();
      return failed(toStoreError(thrown, request.name, file));
    }
  };

  return commit;
}

const failed = (error: MinkeError): StoreAnswer => ({ error: error.toJSON() });

/** Each statement is prepared once: there are few. */
function createDriver(db: DatabaseSync): <Result>(work: Work<Result>) => Result {
  const prepared = new Map<string, StatementSync>();
  const rowsOf = ({ sql, values }: Statement): Row[] => {
    const statement = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, statement);
    return statement.all(values as Record<string, SQLInputValue>);
  };
  return (work) => {
    let step = work.next([]);
    while (step.done !== true) step = work.next(rowsOf(step.value));
    return step.value;
  };
}

function prepareTransaction(db: DatabaseSync): TransactionSteps {
  const step = (sql: string): (() => void) => {
    const statement = db.prepare(sql);
    return () => void statement.run();
  };
  return {
    beginReading: step('BEGIN'),
    beginWriting: step('BEGIN IMMEDIATE'),
    commit: step('COMMIT'),
    rollback: step('ROLLBACK'),
    save: step('SAVEPOINT request'),
    takeBack: step('ROLLBACK TO request'),
    release: step('RELEASE request'),
  };
}

interface TransactionSteps {
  readonly beginReading: () => void;
  readonly beginWriting: () => void;
  readonly commit: () => void;
  readonly rollback: () => void;
  readonly save: () => void;
  readonly takeBack: () => void;
  readonly release: () => void;
}
