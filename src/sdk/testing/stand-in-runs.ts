import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { MinkeError } from '../../errors/index.ts';
import { sendJson, type Answerer, type Received, type Script } from './stand-in.ts';
import { isSettled, type Run } from '../types.ts';

/** How the stand-in's functions end, by name: `writes` first, then the end; `hang` ends only by a cancel. */
export interface Ending {
  readonly exitCode?: number;
  readonly state?: Run['state'];
  readonly error?: Run['error'];
}

interface StoredRun {
  run: Run;
  readonly input: Buffer;
  readonly chunks: { stream: 'stdout' | 'stderr'; at: number; data: string }[];
  readonly changed: EventEmitter;
}

/** A function of the stand-in. It writes, and answers how it ended; a signal tells it of a cancel. */
export type Task = (call: {
  readonly run: Run;
  readonly input: Buffer;
  readonly signal: AbortSignal;
  readonly write: (stream: 'stdout' | 'stderr', data: string | Buffer) => void;
}) => Promise<Ending> | Ending;

/** The routes about runs, over tasks that are plain functions; anything but a known task is TARGET_NOT_FOUND. */
export function scriptRuns(tasks: Readonly<Record<string, Task>>): Script {
  const stored = new Map<string, StoredRun>();
  const cancels = new Map<string, AbortController>();
  const byId: (act: (one: StoredRun, received: Received, answer: ServerResponse) => unknown) => Answerer =
    (act) => (received, answer) => {
      const id = received.parameters.run ?? '';
      const one = [...stored.values()].find(({ run }) => run.id.startsWith(id));
      if (one === undefined) throw new MinkeError('RUN_NOT_FOUND', { run: id });
      return act(one, received, answer);
    };
  return {
    runs: (received, answer) => {
      const one = accept(received, stored.size + 1);
      const name = 'image' in one.run.target ? one.run.target.image : one.run.target.function;
      const task = tasks[name];
      if (task === undefined) throw new MinkeError('TARGET_NOT_FOUND', { target: name, app: one.run.app });
      const cancel = new AbortController();
      stored.set(one.run.id, one);
      cancels.set(one.run.id, cancel);
      void execute(one, task, cancel.signal);
      sendJson(answer, { run: one.run }, 202);
    },
    runList: ({ query }, answer) => {
      const states = query.getAll('state');
      const runs = [...stored.values()].map(({ run }) => run).toReversed();
      sendJson(answer, { runs: runs.filter(({ state }) => states.length === 0 || states.includes(state)) });
    },
    run: byId(({ run }, _, answer) => sendJson(answer, { run })),
    runWait: byId(async (one, { query }, answer) => {
      await settled(one, Number(query.get('timeout') ?? Infinity));
      sendJson(answer, { run: one.run });
    }),
    runResult: byId((one, _, answer) => {
      if (!isSettled(one.run.state))
        throw new MinkeError('RUN_STATE', { action: 'read', run: one.run.id, state: one.run.state });
      const own = one.chunks.filter(({ stream }) => stream === 'stdout').map(({ data }) => Buffer.from(data, 'base64'));
      answer.writeHead(200, { 'minke-exit-code': String(one.run.exitCode) }).end(Buffer.concat(own));
    }),
    runLogs: byId(sendLogs),
    runCancel: byId((one, _, answer) => {
      if (isSettled(one.run.state))
        throw new MinkeError('RUN_STATE', { action: 'cancel', run: one.run.id, state: one.run.state });
      cancels.get(one.run.id)?.abort();
      sendJson(answer, {}, 202);
    }),
  };
}

/** The row that a daemon would store. It refuses what the contract of the API does not allow. */
function accept(received: Received, number: number): StoredRun {
  const {
    app = 'default',
    target,
    args = [],
    env = {},
    timeoutMs = 0,
    input = '',
  } = received.json() as Partial<Run> & { input?: string };
  const isSound =
    target !== undefined &&
    args.every((arg) => typeof arg === 'string') &&
    Number.isInteger(timeoutMs) &&
    typeof app === 'string';
  if (!isSound) throw new MinkeError('BAD_REQUEST', { reason: received.body.toString() });
  const id = number.toString(16).padStart(64, 'ab');
  const run: Run = { id, app, target, args, env, state: 'queued', attempts: 0, createdAt: Date.now(), timeoutMs };
  return { run, input: Buffer.from(input, 'base64'), chunks: [], changed: new EventEmitter() };
}

async function execute(one: StoredRun, task: Task, signal: AbortSignal): Promise<void> {
  const update = (patch: Partial<Run>): void => {
    one.run = { ...one.run, ...patch };
    one.changed.emit('change');
  };
  update({ state: 'running', attempts: 1, startedAt: Date.now() });
  const write = (stream: 'stdout' | 'stderr', data: string | Buffer): void => {
    one.chunks.push({ stream, at: Date.now(), data: Buffer.from(data).toString('base64') });
    one.changed.emit('change');
  };
  const cancelled = once(signal, 'abort').then((): Ending => ({ state: 'cancelled', exitCode: 137 }));
  const ending = await Promise.race([task({ run: one.run, input: one.input, signal, write }), cancelled]);
  const { exitCode = 0, state = exitCode === 0 ? 'succeeded' : 'failed' } = ending;
  update({ endedAt: Date.now(), exitCode, state, ...(ending.error === undefined ? {} : { error: ending.error }) });
}

async function settled(one: StoredRun, timeoutMs: number): Promise<void> {
  const signal = Number.isFinite(timeoutMs) ? AbortSignal.timeout(timeoutMs) : new AbortController().signal;
  while (!isSettled(one.run.state) && !signal.aborted) {
    await once(one.changed, 'change', { signal }).catch(() => undefined);
  }
}

async function sendLogs(one: StoredRun, { query }: Received, answer: ServerResponse): Promise<void> {
  answer.writeHead(200, { 'content-type': 'application/x-ndjson' });
  answer.flushHeaders();
  for (let at = 0; ;) {
    const fresh = one.chunks.slice(at).filter(({ stream }) => query.get(stream) !== 'false');
    at = one.chunks.length;
    for (const chunk of fresh) answer.write(`${JSON.stringify({ name: 'task', instance: one.run.id, ...chunk })}\n`);
    if (query.get('follow') !== 'true' || isSettled(one.run.state)) break;
    await once(one.changed, 'change');
  }
  answer.end();
}
