import type { SelfAnswer } from '../../api/types.ts';
import type { FunctionCaller } from '../../dockerapi/containers.ts';
import { MinkeError } from '../../errors/index.ts';
import type { Run, RunState } from '../../model/run.ts';
import { sendJson, type ApiCall } from './call.ts';
import type { Desk } from './desk.ts';

/** Who a container is. What is nobody's secret inside its own app, and nothing of other apps. */
export async function sendSelf(desk: Desk, { caller, response }: ApiCall): Promise<void> {
  if (caller.door !== 'function') throw new MinkeError('BAD_REQUEST', { reason: 'only a container has a self' });
  sendJson(response, 200, { self: await selfOf(desk, caller) });
}

const unsettled: readonly RunState[] = ['queued', 'starting', 'running'];

async function selfOf(desk: Desk, caller: FunctionCaller): Promise<SelfAnswer> {
  const { app, name, instance } = caller;
  const rows = desk.instances.rows(app);
  const own = rows.find(({ id }) => id === instance);
  if (own === undefined) throw new MinkeError('TARGET_NOT_FOUND', { target: instance, app });
  const children = await desk.tasks.list({ app, parent: instance, states: unsettled });
  const calls = rows.filter((row) => row.parent === instance && row.kind !== 'task');
  const siblings = rows.filter((row) => row.name === name && row.id !== instance);
  return {
    app,
    name,
    instance,
    kind: own.kind,
    startedAt: own.startedAt,
    ...(own.parent === undefined ? {} : { parent: own.parent }),
    children: [
      ...children.map((run) => ({ id: run.id, name: targetName(run), state: run.state as 'queued' | 'running' })),
      ...calls.map(({ id, name: called, state }) => ({ id, name: called, state })),
    ],
    siblings: siblings.map(({ id, state, startedAt }) => ({ id, state, startedAt })),
    load: own.kind === 'task' ? await loadOfTask(desk, app, name) : desk.gateway.load(app, name),
  };
}

async function loadOfTask({ tasks }: Desk, app: string, name: string): Promise<SelfAnswer['load']> {
  const runs = await tasks.list({ app, function: name, states: unsettled, limit: 100_000 });
  const waiting = runs.filter(({ state }) => state === 'queued').length;
  return { running: runs.length - waiting, waiting };
}

const targetName = ({ target }: Run): string => ('function' in target ? target.function : target.image);
