import type { LogLine } from '../../api/types.ts';
import { MinkeError } from '../../errors/index.ts';
import { defaultApp } from '../../model/app.ts';
import type { Run, RunState } from '../../model/run.ts';
import { isId } from '../../model/ids.ts';
import { parseIdempotencyKey, parseRunRequest } from '../../tasks/parse.ts';
import type { Submission } from '../../tasks/submission.ts';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { isSet, numberOf, readJson, sendJson, sendLines, type ApiCall } from './call.ts';
import { refuseBeyond } from '../parts/lineage.ts';
import type { Desk } from './desk.ts';

export const runHandlers = {
  runs: async ({ tasks, instances }: Desk, call: ApiCall): Promise<void> => {
    const submission = asCaller(call, parseRunRequest(await readJson(call.request)));
    if (call.caller.door === 'function') await refuseBeyond(call.caller.instance, instances, tasks);
    const idempotencyKey = parseIdempotencyKey(call.request.headers['idempotency-key']?.toString());
    const run = await tasks.submit({ ...submission, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) });
    sendJson(call.response, 202, { run });
  },

  runList: async ({ tasks }: Desk, { query, response, caller }: ApiCall): Promise<void> => {
    const states = query.getAll('state') as RunState[];
    const limit = numberOf(query, 'limit');
    const isRetried = query.get('retried') === null ? {} : { isRetried: isSet(query, 'retried') };
    const app = caller.door === 'function' ? caller.app : (query.get('app') ?? undefined);
    const target = query.get('function') ?? undefined;
    const runs = await tasks.list({
      ...(app === undefined ? {} : { app }),
      ...(target === undefined ? {} : { function: target }),
      ...(states.length === 0 ? {} : { states }),
      ...(limit === undefined ? {} : { limit }),
      ...isRetried,
      ...(caller.door === 'function' ? { parent: caller.instance } : {}),
    });
    sendJson(response, 200, { runs });
  },

  run: async (desk: Desk, call: ApiCall): Promise<void> =>
    sendJson(call.response, 200, { run: await findRun(desk, call) }),

  runWait: async (desk: Desk, call: ApiCall): Promise<void> => {
    const { id } = await findRun(desk, call);
    const timeoutMs = numberOf(call.query, 'timeout');
    const run = await desk.tasks.wait(id, { signal: call.gone, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    sendJson(call.response, 200, { run });
  },

  runResult: async (desk: Desk, call: ApiCall): Promise<void> => {
    const { id, exitCode } = await findRun(desk, call);
    const result = desk.tasks.result(id)[Symbol.asyncIterator]();
    // The first bytes are asked for before the head is sent, so that a refusal is still an answer.
    const first = await result.next();
    call.response.writeHead(200, {
      'content-type': 'application/octet-stream',
      ...(exitCode === undefined ? {} : { 'minke-exit-code': String(exitCode) }),
    });
    await pipeline(Readable.from(continued(first, result)), call.response);
  },

  runLogs: async (desk: Desk, call: ApiCall): Promise<void> =>
    await sendLines(call, linesOf(desk, call, await findRun(desk, call))),

  runCancel: async (desk: Desk, call: ApiCall): Promise<void> => {
    const { id } = await findRun(desk, call);
    sendJson(call.response, 200, { run: await desk.tasks.cancel(id, 'it was asked for') });
  },

  runRetry: async (desk: Desk, call: ApiCall): Promise<void> => {
    const { id } = await findRun(desk, call);
    sendJson(call.response, 202, { run: await desk.tasks.retry(id) });
  },

  runRemove: async (desk: Desk, call: ApiCall): Promise<void> => {
    const { id } = await findRun(desk, call);
    await desk.tasks.remove(id);
    sendJson(call.response, 200, {});
  },

  schedules: async ({ schedules }: Desk, { query, response }: ApiCall): Promise<void> =>
    sendJson(response, 200, { schedules: schedules.list(query.get('app') ?? undefined) }),

  ledger: async ({ tasks }: Desk, { response }: ApiCall): Promise<void> =>
    sendJson(response, 200, await tasks.ledger()),

  call: async ({ gateway, catalog }: Desk, call: ApiCall): Promise<void> => {
    const { query, parameters, caller } = call;
    const { function: name = '' } = parameters;
    const app = caller.door === 'function' ? caller.app : (query.get('app') ?? defaultApp);
    if (catalog.service(app, name) === undefined) throw new MinkeError('TARGET_NOT_FOUND', { target: name, app });
    if (caller.door === 'function') mustBeAllowed(name, caller.mayRun);
    const rest = new URLSearchParams([...query].filter(([key]) => key !== 'app')).toString();
    const parent = caller.door === 'function' ? { parent: caller.instance } : {};
    gateway.handleCall(call.request, call.response, { app, name, url: rest === '' ? '/' : `/?${rest}`, ...parent });
  },
};

const functionMaySay = ['args', 'env', 'timeoutMs', 'notBefore', 'retries', 'maxAgeMs', 'input'] as const;

/** At a function's door a run belongs to the caller's app, is the caller's child, and may only be what its app file allows. */
function asCaller({ caller }: ApiCall, submission: Submission): Submission {
  if (caller.door === 'operator') return submission;
  const { target, options } = submission;
  if ('image' in target)
    throw new MinkeError('POLICY_REFUSED', { field: 'target.image', reason: 'a function starts functions by name' });
  if (options !== undefined)
    throw new MinkeError('POLICY_REFUSED', {
      field: 'options',
      reason: 'a function takes others as the app file has them',
    });
  if (submission.callback !== undefined)
    throw new MinkeError('POLICY_REFUSED', {
      field: 'callback',
      reason: 'the daemon would connect where the function may not; its app file may name one',
    });
  mustBeAllowed(target.function, caller.mayRun);
  const allowed = functionMaySay.flatMap((key) => (submission[key] === undefined ? [] : [[key, submission[key]]]));
  return { ...Object.fromEntries(allowed), target, app: caller.app, parent: caller.instance };
}

function mustBeAllowed(name: string, mayRun: readonly string[]): void {
  if (mayRun.includes(name)) return;
  const allowed = mayRun.length === 0 ? 'nothing' : mayRun.join(', ');
  throw new MinkeError('POLICY_REFUSED', {
    field: 'target.function',
    reason: `"${name}" is not in may-run, which has ${allowed}`,
  });
}

/** By id or its beginning; a function sees only what it started itself. */
async function findRun({ tasks }: Desk, { parameters, caller }: ApiCall): Promise<Run> {
  const { run: reference = '' } = parameters;
  const found = isId(reference) ? await tasks.get(reference) : await tasks.find(reference);
  const isHidden = caller.door === 'function' && found?.parent !== caller.instance;
  if (found === undefined || isHidden) throw new MinkeError('RUN_NOT_FOUND', { run: reference });
  return found;
}

async function* linesOf({ tasks }: Desk, { query, gone }: ApiCall, run: Run): AsyncGenerator<LogLine> {
  const attempt = numberOf(query, 'attempt');
  const streams = (['stdout', 'stderr'] as const).filter(
    (stream) => query.get(stream) === null || isSet(query, stream),
  );
  const name = 'function' in run.target ? run.target.function : run.target.image;
  for await (const { stream, at, bytes } of tasks.logs(run.id, {
    follow: isSet(query, 'follow'),
    streams,
    signal: gone,
    ...(attempt === undefined ? {} : { attempt }),
  })) {
    yield { name, instance: run.instance ?? run.id, stream, at, data: bytes.toString('base64') };
  }
}

async function* continued(first: IteratorResult<Buffer>, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.done === true) return;
  yield first.value;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
