import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { Engine } from '../../engines/engine.ts';
import { MinkeError, type ErrorBody } from '../../errors/index.ts';
import type { Capacity, CgiOptions, LaterCall, Target, TaskOptions, TaskOutcome } from '../../gateway/capacity.ts';
import type { CgiInstance } from '../../gateway/cgi/instance.ts';
import { isOnDemand } from '../../model/app.ts';
import type { Id } from '../../model/ids.ts';
import type { Run } from '../../model/run.ts';
import { parseIdempotencyKey } from '../../tasks/parse.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import type { AppHands } from './app-hands.ts';
import type { Catalog } from './catalog.ts';
import { refusing, type Functions } from './functions.ts';
import { hasEnded } from './has-ended.ts';
import type { Instances } from './instances.ts';
import { refuseCallBeyond } from './lineage.ts';

export interface CapacityOptions {
  readonly engine: Engine;
  readonly instances: Instances;
  readonly catalog: Catalog;
  readonly hands: AppHands;
  readonly functions: Pick<Functions, 'connect'>;
  readonly tasks: () => Tasks;
}

/** Somewhere for the gateway's requests to go. */
export function createCapacity(options: CapacityOptions): Capacity {
  const { engine, instances, catalog, functions, tasks } = options;
  return {
    startCgi: async (target, call) => {
      await refuseCallBeyond(call.parent, instances, tasks());
      return await startCgi(catalog, instances, target, call);
    },
    connect: async (target, call) => {
      const service = catalog.service(target.app, target.name);
      if (target.kind === 'http' || (service !== undefined && isOnDemand(service)))
        return await functions.connect(target, call);
      const { id, socket } = await connectService(options, target, call.signal);
      return {
        socket,
        id,
        hasEnded: async () => await hasEnded(engine, id),
        release: (state) => {
          if (state?.idle === true) socket.destroy();
        },
      };
    },
    runTask: async (target, task) => {
      await refuseCallBeyond(task.parent, instances, tasks());
      return await runTask(tasks(), target, task);
    },
    acceptLater: async (target, call) => {
      await refuseCallBeyond(call.parent, instances, tasks());
      return await acceptLater(tasks(), target, call);
    },
  };
}

/**
 * Its rules lead nobody to an instance that has ended from the moment on at which that is known, which may be before its service is
 * told of the end: who comes in between goes to another, or is held as well. One that takes no connection though it lives is passed
 * over as long as there is another: nothing has been sent by then.
 */
async function connectService(
  { engine, instances, hands }: Pick<CapacityOptions, 'engine' | 'instances' | 'hands'>,
  { app, name, port }: Target,
  signal: AbortSignal,
): Promise<{ readonly id: Id; readonly socket: Socket }> {
  const tried = new Set<Id>();
  for (;;) {
    const { handle, address } = await hands.published.next(app, name, signal, tried);
    const { id } = handle;
    tried.add(id);
    if (instances.get(id) === undefined) continue;
    if (address === undefined) throw new MinkeError('NO_INSTANCE', { name, reason: 'it has no network' });
    try {
      return { id, socket: await engine.networks.connect(app, address, port, signal) };
    } catch (error) {
      signal.throwIfAborted();
      const published = hands.published.of(app, name).map((one) => one.handle.id);
      const isOut = !published.includes(id) || (await hasEnded(engine, id));
      if (!isOut && published.every((one) => tried.has(one))) throw refusing({ name }, error);
    }
  }
}

async function startCgi(
  catalog: Catalog,
  instances: Instances,
  target: Target,
  { env, signal, parent }: CgiOptions,
): Promise<CgiInstance> {
  const { app, service, image } = catalog.startable(target.app, target.name);
  const deadline = Number(env['MINKE_DEADLINE']);
  const extras = { env, ...(Number.isFinite(deadline) ? { deadlineAt: deadline } : {}) };
  const { handle, stdin, stdout, stderr, exited } = await instances.start({
    app,
    service,
    image,
    extras,
    signal,
    ...(parent === undefined ? {} : { parent }),
  });
  if (stdin === undefined || stdout === undefined || stderr === undefined) {
    throw new MinkeError('INTERNAL', { reason: `the streams of "${target.name}" are not pipes` });
  }
  return { id: handle.id, stdin, stdout, stderr, exited, stop: async () => await instances.stop(handle.id, 0) };
}

async function runTask(
  tasks: Tasks,
  target: Target,
  { args, input, signal, parent }: TaskOptions,
): Promise<TaskOutcome> {
  const run = await tasks.submit({
    app: target.app,
    target: { function: target.name },
    args,
    options: { stdin: 'open' },
    ...(parent === undefined ? {} : { parent }),
  });
  feed(input, tasks, run);
  const giveUp = (): void => void tasks.cancel(run.id, 'its caller went away').catch(() => undefined);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    const settled = await tasks.wait(run.id, { signal });
    return {
      run: settled.id,
      ...(settled.exitCode === undefined ? {} : { exitCode: settled.exitCode }),
      ...(settled.error === undefined ? {} : { error: settled.error as ErrorBody }),
      stdout: Readable.from(tasks.result(settled.id)),
    };
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** Whoever can reach the gateway may choose a key: it counts for this function and these calls, and keeps off no other's run. */
async function acceptLater(
  tasks: Tasks,
  { app, name }: Target,
  { args, env, input, idempotencyKey, parent }: LaterCall,
): Promise<Id> {
  const key = parseIdempotencyKey(idempotencyKey);
  const { id } = await tasks.submit({
    app,
    target: { function: name },
    args,
    env,
    ...(input === undefined ? {} : { input: Buffer.from(input).toString('base64') }),
    ...(key === undefined ? {} : { idempotencyKey: `async/${name}/${key}` }),
    ...(parent === undefined ? {} : { parent }),
  });
  return id;
}

/** The body becomes stdin; a body that breaks off is the end of the caller, which ends the run. */
function feed(input: Readable, tasks: Tasks, run: Run): void {
  input.on('error', () => undefined);
  input.pipe(tasks.attachInput(run.id));
}
