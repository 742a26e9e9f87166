import { once } from 'node:events';
import type { InstanceRow, ServiceRow, LogLine, ProgressLine, StatusAnswer, UpRequest } from '../../api/types.ts';
import { MinkeError } from '../../errors/index.ts';
import type { AppModel, ServiceModel } from '../../model/app.ts';
import type { TimelineEvent } from '../../model/timeline.ts';
import { scriptRuns, type Task } from '../../sdk/testing/stand-in-runs.ts';
import { sendJson, sendLines, startStandIn, type Script, type StandIn } from '../../sdk/testing/stand-in.ts';

/** The stand-in with an app in it, `voting`, that can be brought up and down; each request is checked for its contract. */
export function startAppStandIn(overrides: Script = {}): Promise<StandIn> {
  return startStandIn({ ...scriptRuns(tasks), ...appRoutes(), ...overrides });
}

export const dbId = 'db'.repeat(32);
const voteId = 'ee'.repeat(32);
const childId = 'cd'.repeat(32);

export const base64 = (data: string): string => Buffer.from(data).toString('base64');

const tasks: Readonly<Record<string, Task>> = {
  'record-vote': ({ run, input, write }) => {
    write('stdout', `${[run.app, ...run.args, run.env.COLOUR ?? ''].join(' ')}\n`);
    write('stderr', 'stored\n');
    write('stdout', input);
    return { exitCode: 0 };
  },
  'alpine:3': ({ run, write }) => {
    write('stdout', run.args.join(' '));
    return { exitCode: 0 };
  },
  fail: ({ write }) => {
    write('stderr', 'no such voter\n');
    return { exitCode: 42, error: { code: 'RUN_FAILED', message: '"fail" ended with exit code 42' } };
  },
  greedy: () => {
    const error = new MinkeError('OUT_OF_MEMORY', { name: 'greedy', limit: '512 MiB' });
    return { exitCode: 137, error: { code: error.code, message: error.message } };
  },
  hang: ({ write }) => {
    write('stdout', 'waiting\n');
    return new Promise(() => undefined);
  },
};

const service = { name: 'vote', routes: [{ prefix: '/vote' }] } as unknown as ServiceModel;
const none = { volumes: {}, networks: {}, secrets: {}, configs: {} };
const model = { name: 'voting', folder: '/x', ...none, services: { vote: service } } satisfies AppModel;

const unused = new MinkeError('APP_FILE_UNSUPPORTED_KEY', {
  place: 'compose.yml:3',
  key: 'ports',
  reason: 'not here',
  mend: 'Take it out.',
});

const statusNow = (): StatusAnswer => ({
  version: '0.1.0',
  pid: 4711,
  startedAt: Date.now() - 185_000,
  callbackSecretFile: '/data/callback.secret',
  dataFolder: '/data',
  engine: { name: 'sandbox', details: { crun: '1.8' } },
  gateway: { host: '127.0.0.1', port: 8080 },
  apps: 1,
});

const instances: readonly InstanceRow[] = [
  {
    id: dbId,
    app: 'voting',
    name: 'db',
    kind: 'service',
    state: 'running',
    startedAt: Date.now() - 7_300_000,
    address: '10.1.0.2',
  },
  { id: voteId, app: 'voting', name: 'vote', kind: 'cgi', state: 'running', startedAt: Date.now() - 2_500 },
  {
    id: childId,
    app: 'voting',
    name: 'record-vote',
    kind: 'task',
    state: 'starting',
    startedAt: Date.now(),
    parent: voteId,
  },
];

const services: readonly ServiceRow[] = [
  {
    app: 'voting',
    name: 'db',
    replica: 1,
    state: 'running',
    instance: dbId,
    restarts: 0,
    health: { state: 'healthy', failures: 0 },
  },
  {
    app: 'voting',
    name: 'job',
    replica: 1,
    state: 'crash-loop',
    restarts: 6,
    lastEnd: { code: 3, cause: 'exited', at: 1 },
  },
];

const lines: readonly LogLine[] = [
  { name: 'db', instance: dbId, stream: 'stdout', at: 1, data: base64('ready to acc') },
  { name: 'vote', instance: voteId, stream: 'stderr', at: 2, data: base64('one\ntwo\n') },
  { name: 'db', instance: dbId, stream: 'stdout', at: 3, data: base64('ept\nno end') },
];

const events: readonly TimelineEvent[] = [
  { at: Date.now(), kind: 'instance.started', app: 'voting', name: 'vote', instance: voteId, facts: { ms: 11 } },
];

const progress: readonly ProgressLine[] = [
  { step: 'Pack', subject: 'vote', state: 'begun' },
  { step: 'Pack', subject: 'vote', state: 'ended', ms: 310 },
  { step: 'Start', subject: 'db', state: 'begun' },
  { step: 'Start', subject: 'db', state: 'ended', ms: 25 },
  { done: true, changed: true },
];

function appRoutes(): Script {
  let isEnded = false;
  return {
    status: (_, answer) => (isEnded ? answer.destroy() : sendJson(answer, statusNow())),
    config: ({ json }, answer) => {
      const { project, profiles } = checked(json());
      const named = { ...model, name: project ?? 'voting' };
      sendJson(answer, { model: named, warnings: profiles === undefined ? [] : [unused.toJSON()] });
    },
    up: ({ json }, answer) => {
      checked(json());
      sendLines(answer, progress);
    },
    down: ({ parameters: { app = '' } }, answer) => {
      if (app !== 'voting') throw new MinkeError('APP_NOT_FOUND', { app });
      sendLines(answer, [{ step: 'Stop', subject: 'db', state: 'ended', ms: 12 }, { done: true }]);
    },
    instances: (_, answer) => sendJson(answer, { instances, services }),
    logs: async ({ query }, answer) => {
      const names = query.getAll('name');
      const own = lines.filter(({ name }) => names.length === 0 || names.includes(name));
      for (const line of own) answer.write(`${JSON.stringify(line)}\n`);
      if (query.get('follow') === 'true') await once(answer, 'close');
      answer.end();
    },
    events: (_, answer) => sendLines(answer, events),
    images: (_, answer) =>
      sendJson(answer, { images: [{ reference: 'alpine:3', id: `sha256:${'0a'.repeat(32)}`, sizeBytes: 3_500_000 }] }),
    imageLoad: ({ body }, answer) =>
      sendJson(answer, { images: [{ reference: 'acme/api:1', id: `sha256:${body.length}` }] }),
    call: ({ parameters, headers, body }, answer) => {
      if (parameters.function !== 'count')
        throw new MinkeError('TARGET_NOT_FOUND', { target: parameters.function, app: 'voting' });
      sendJson(answer, { type: headers['content-type'], sent: body.toString() });
    },
    ledger: (_, answer) => sendJson(answer, { accepted: 9, waiting: 1, inFlight: 1, settled: 4, dead: 1, removed: 2 }),
    shutdown: ({ json }, answer) => {
      isEnded = (json() as { stop?: boolean }).stop === true;
      sendJson(answer, {}, 202);
    },
  };
}

function checked(body: unknown): UpRequest {
  const { files, environment } = body as Partial<UpRequest>;
  const isSound =
    Array.isArray(files) && files.every((file: unknown) => typeof file === 'string' && file.startsWith('/'));
  if (!isSound || typeof environment?.PATH !== 'string')
    throw new MinkeError('BAD_REQUEST', { reason: JSON.stringify(body) });
  return body as UpRequest;
}
