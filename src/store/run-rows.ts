import type { Run } from '../model/run.ts';
import type { Row, Value } from './statement.ts';
import type { RunPatch } from './store.ts';

/** How a run lies in its table: what is looked for has a column, the rest is JSON. */
export const columns = [
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
  'callback_url',
  'callback_state',
  'output_bytes',
  'output_removed',
];

export function toRow(run: Run): Record<string, Value> {
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
    callback_url: run.callback?.url ?? null,
    callback_state: run.callback?.state ?? null,
    output_removed: run.isOutputRemoved === true ? 1 : null,
    ...toPatchRow(run),
  };
}

export function toPatchRow(patch: RunPatch): Record<string, Value> {
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
    output_bytes: patch.outputBytes ?? null,
  };
}

export const maybeRun = (row: Row | undefined): Run | undefined => (row === undefined ? undefined : toRun(row));

/** The columns are what `toRow` wrote: this file is their only writer. */
export function toRun(row: Row): Run {
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
    outputBytes: row['output_bytes'],
    isOutputRemoved: row['output_removed'] === 1 ? true : null,
    callback: row['callback_url'] === null ? null : { url: row['callback_url'], state: row['callback_state'] },
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

const parse = (text: unknown): unknown => JSON.parse(String(text));
