import { Readable } from 'node:stream';
import type { Engine } from '../../engines/engine.ts';
import { MinkeError, type ErrorBody } from '../../errors/index.ts';
import type { Capacity, CgiOptions, Target, TaskOptions, TaskOutcome } from '../../gateway/capacity.ts';
import type { CgiInstance } from '../../gateway/cgi/instance.ts';
import { isOnDemand } from '../../model/app.ts';
import type { Run } from '../../model/run.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import type { AppHands } from './app-hands.ts';
import type { Catalog } from './catalog.ts';
import type { Functions } from './functions.ts';
import { hasEnded } from './has-ended.ts';
import type { Instances } from './instances.ts';
import { refuseCallBeyond } from './lineage.ts';

/** Somewhere for the gateway's requests to go. */
export function createCapacity(options: {
  readonly engine: Engine;
  readonly instances: Instances;
  readonly catalog: Catalog;
  readonly hands: AppHands;
  readonly functions: Pick<Functions, 'connect'>;
  readonly tasks: () => Tasks;
}): Capacity {
  const { engine, instances, catalog, hands, functions, tasks } = options;
  return {
    startCgi: async (target, call) => {
      await refuseCallBeyond(call.parent, instances, tasks());
      return await startCgi(catalog, instances, target, call);
    },
    connect: async (target, options) => {
      const service = catalog.service(target.app, target.name);
      if (target.kind === 'http' || (service !== undefined && isOnDemand(service)))
        return await functions.connect(target, options);
      const { signal } = options;
      const id = await hands.untilPublished(target.app, target.name, signal);
      const instance = instances.get(id);
      if (instance?.address === undefined) {
        throw new MinkeError('NO_INSTANCE', { name: target.name, reason: 'it has just ended' });
      }
      const socket = await engine.networks.connect(target.app, instance.address, target.port, signal);
      return {
        socket,
        id: instance.handle.id,
        hasEnded: async () => await hasEnded(engine, instance.handle.id),
        release: (state) => {
          if (state?.idle === true) socket.destroy();
        },
      };
    },
    runTask: async (target, task) => {
      await refuseCallBeyond(task.parent, instances, tasks());
      return await runTask(tasks(), target, task);
    },
  };
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

/** The body becomes stdin; a body that breaks off is the end of the caller, which ends the run. */
function feed(input: Readable, tasks: Tasks, run: Run): void {
  input.on('error', () => undefined);
  input.pipe(tasks.attachInput(run.id));
}
