import { EventEmitter, once } from 'node:events';
import { constants } from 'node:os';
import { Writable } from 'node:stream';
import { madeNetworksOf } from '../../dockerapi/attachments.ts';
import type { Container, ContainerRequest, Containers, LifeEvent } from '../../dockerapi/containers.ts';
import { findNetwork, type Networks } from '../../dockerapi/networks.ts';
import { MinkeError } from '../../errors/index.ts';
import type { ImageStore } from '../../image/store.ts';
import { declaredBy } from '../../model/declared.ts';
import { newId, type Id } from '../../model/ids.ts';
import type { Run } from '../../model/run.ts';
import type { Clock } from '../../observe/clock.ts';
import { byReference } from '../containers/finding.ts';
import type { Catalog } from '../parts/catalog.ts';
import { isServiceName } from '../../apps/file/project-name.ts';
import type { Deploys } from '../parts/deploys.ts';
import type { Instances } from '../parts/instances.ts';
import { createTurns } from '../parts/turns.ts';
import { withFunction, withoutFunction } from './declared-app.ts';
import { functionLogs, type FunctionLogParts } from './function-logs.ts';
import { keepDeclarations, type Declaration } from './kept-declarations.ts';
import { readFunction, readOutbound } from './read-declaration.ts';

/**
 * Containers with the label `minke.function`, created at the operator's door, are declarations: nothing runs when one is started, but
 * the function exists from then on, in the app that its network is of, until it is stopped. That app is deployed, kept and restored as
 * that of an app file is; whether a declaration runs is a question to what is deployed, and nowhere else noted.
 */
export interface Declarations {
  /** The Docker API's containers, with these among them. */
  readonly containers: Containers;
  /** What is deployed has changed. */
  changed(): void;
}

export interface DeclarationsOptions extends FunctionLogParts {
  readonly file: string;
  readonly containers: Containers;
  readonly deploys: Pick<Deploys, 'up' | 'down'>;
  readonly catalog: Pick<Catalog, 'get' | 'service'>;
  readonly instances: Pick<Instances, 'list' | 'stop' | 'withLogs'>;
  readonly networks: Pick<Networks, 'find'>;
  readonly images: Pick<ImageStore, 'inspect'>;
  /** Ends the run that this instance carries out, if it does; false when it does not. */
  readonly endRunOf: (instance: Id, graceMs: number) => Promise<boolean>;
  readonly clock: Clock;
}

export function createDeclarations(options: DeclarationsOptions): Declarations {
  const { containers, deploys, catalog, instances, networks, images, endRunOf, clock } = options;
  const kept = keepDeclarations(options.file);
  const news = new EventEmitter().setMaxListeners(0);
  const listeners = new Set<(event: LifeEvent) => void>();
  const inTurn = createTurns();

  const isRunning = ({ id, name, request }: Declaration): boolean => {
    const service = catalog.service(request.app, name);
    return service !== undefined && declaredBy(service) === id;
  };

  const create = async (request: ContainerRequest): Promise<Container> => {
    const name = functionName(request);
    await readFunction(name, request);
    const declaration: Declaration = { id: newId(), name, request, createdAt: clock.now() };
    kept.put(declaration);
    return await toContainer(declaration);
  };

  const toContainer = async (declaration: Declaration): Promise<Container> => {
    const { request } = declaration;
    const image = 'image' in request.target ? request.target.image : '';
    return {
      run: runOf(declaration, isRunning(declaration)),
      isStarted: declaration.startedAt !== undefined || isRunning(declaration),
      isFunction: true,
      image: { id: (await images.inspect(image))?.id ?? '', reference: image },
    };
  };

  const start = async ({ id, name, request }: Declaration): Promise<void> => {
    const { app, options: asked } = request;
    const found = madeNetworksOf(asked).map(({ network }) => findNetwork(networks, network));
    const service = await readFunction(name, request);
    const model = withFunction(app, catalog.get(app)?.model, { id, service, options: asked, networks: found });
    await deploys.up({ model, contents: new Map() }, () => undefined);
    const { endedAt: _, ...declaration } = kept.get(id) ?? { id, name, request, createdAt: clock.now() };
    const started = { ...declaration, startedAt: clock.now() };
    kept.put(started);
    await tell('start', started);
  };

  const tell = async (action: LifeEvent['action'], declaration: Declaration): Promise<void> => {
    const container = await toContainer(declaration);
    for (const listener of listeners) listener({ action, container, at: clock.now() });
  };

  const stop = async (declaration: Declaration, graceMs: number): Promise<void> => {
    const { id, name, request } = declaration;
    const model = catalog.get(request.app)?.model;
    if (model === undefined) return;
    const left = withoutFunction(model, id);
    if (left === undefined)
      await deploys.down(request.app, { removeVolumes: false, keepsContainers: true }, () => undefined);
    else await deploys.up({ model: left, contents: new Map() }, () => undefined);
    const own = instances.list(request.app).filter(({ spec }) => spec.name === name && spec.kind !== 'container');
    await Promise.all(
      own.map(async ({ handle }) => {
        if (!(await endRunOf(handle.id, graceMs))) await instances.stop(handle.id, graceMs);
      }),
    );
    const ended = { ...(kept.get(id) ?? declaration), endedAt: clock.now() };
    kept.put(ended);
    news.emit('change');
    await tell('die', ended);
    if (request.options.keep === true) return;
    kept.remove(id);
    await tell('destroy', ended);
  };

  const end = async (declaration: Declaration, graceMs: number): Promise<void> =>
    await inTurn(declaration.request.app, async () => {
      if (isRunning(declaration)) await stop(declaration, graceMs);
    });

  /** Resolves with its last state once it has been started and is there no more. */
  const settled = async ({ id }: Declaration, signal: AbortSignal): Promise<Run> => {
    for (;;) {
      const found = kept.get(id);
      if (found === undefined) throw new MinkeError('RUN_NOT_FOUND', { run: id });
      if (found.startedAt !== undefined && !isRunning(found)) return runOf(found, false);
      await once(news, 'change', { signal });
    }
  };

  const find = (reference: string): Declaration | undefined =>
    byReference(reference, kept.list(), ({ id, request }) => ({ id, name: request.options.name }));

  const own = (id: Id): Declaration | undefined => kept.get(id);

  return {
    changed: () => void news.emit('change'),
    containers: {
      ...containers,
      create: async (request) => {
        if (request.parent !== undefined) return await containers.create(request);
        if (isFunction(request)) return await create(request);
        const outbound = await readOutbound(request);
        const asked = outbound === undefined ? request.options : { ...request.options, outbound };
        return await containers.create({ ...request, options: asked });
      },
      start: async (id, how) => {
        const declaration = own(id);
        if (declaration === undefined) return await containers.start(id, how);
        await inTurn(declaration.request.app, async () => {
          if (!isRunning(declaration)) await start(declaration);
        });
      },
      restart: async (id, graceMs, signalNumber) => {
        const declaration = own(id);
        if (declaration === undefined) return await containers.restart(id, graceMs, signalNumber);
        await inTurn(declaration.request.app, async () => {
          if (isRunning(declaration)) await stop(declaration, graceMs);
          await start(declaration);
        });
      },
      observe: (listener) => {
        containers.observe(listener);
        listeners.add(listener);
      },
      withFiles: async (id, action) => {
        if (own(id) === undefined) return await containers.withFiles(id, action);
        throw new MinkeError('NOT_SUPPORTED', { what: 'Copying files', reason: 'a function keeps none' });
      },
      find: async (reference, scope) => {
        const declaration = scope.parent === undefined ? find(reference) : undefined;
        return declaration === undefined ? await containers.find(reference, scope) : await toContainer(declaration);
      },
      list: async (scope) => {
        const others = await containers.list(scope);
        if (scope.parent !== undefined) return others;
        const mine = await Promise.all(kept.list().map(toContainer));
        return [...mine, ...others].toSorted((left, right) => right.run.createdAt - left.run.createdAt);
      },
      settled: async (id, signal, how) => {
        const declaration = own(id);
        if (declaration === undefined) return await containers.settled(id, signal, how);
        return await settled(declaration, signal);
      },
      logs: (id, how) => {
        const declaration = own(id);
        if (declaration === undefined) return containers.logs(id, how);
        const { name, request } = declaration;
        // One that is stopped says no more; whoever stops to listen is not told why.
        const { follow = false, signal = new AbortController().signal } = how;
        const gone = follow ? settled(declaration, signal).catch(() => undefined) : Promise.resolve();
        return functionLogs(options, { app: request.app, name, gone }, how);
      },
      input: async (id) => (own(id) === undefined ? await containers.input(id) : nowhere()),
      kill: async (id, number) => {
        const declaration = own(id);
        if (declaration === undefined) return await containers.kill(id, number);
        if (!ending.has(number))
          throw new MinkeError('NOT_SUPPORTED', { what: `Signal ${number}`, reason: 'a function has no process' });
        await end(declaration, 0);
      },
      stop: async (id, graceMs, signalNumber) => {
        const declaration = own(id);
        if (declaration === undefined) await containers.stop(id, graceMs, signalNumber);
        else await end(declaration, graceMs);
      },
      cancel: async (id, reason) => {
        const declaration = own(id);
        return declaration === undefined ? await containers.cancel(id, reason) : await end(declaration, 0);
      },
      change: async (id, changed) => {
        const declaration = own(id);
        if (declaration === undefined) return await containers.change(id, changed);
        const { request } = declaration;
        kept.put({ ...declaration, request: { ...request, options: { ...request.options, ...changed } } });
      },
      remove: async (id, how) => {
        const declaration = own(id);
        if (declaration === undefined) return await containers.remove(id, how);
        await end(declaration, 0);
        kept.remove(id);
        news.emit('change');
      },
    },
  };
}

const label = 'minke.function';

const isFunction = ({ target, options: { labels = {} } }: ContainerRequest): boolean =>
  'image' in target && Object.hasOwn(labels, label);

/** As Compose calls the service, else as the container is called. @throws BAD_REQUEST where that is no host name */
function functionName({ options: { labels = {}, name = '' } }: ContainerRequest): string {
  const found = labels['com.docker.compose.service'] ?? name;
  if (isServiceName(found)) return found;
  throw new MinkeError('BAD_REQUEST', {
    reason: `a function answers to the name of its container, and "${found}" is none: a-z, 0-9, "-" and "_", at most 63`,
  });
}

/** As a container's clients want to see it: there is no run of it, and no exit code but that of a good end. */
const runOf = (declaration: Declaration, isRunning: boolean): Run => {
  const { id, request, createdAt, startedAt, endedAt } = declaration;
  const { app, target, args, env, options } = request;
  return {
    id,
    app,
    target,
    args,
    env,
    options,
    state: isRunning ? 'running' : 'succeeded',
    attempts: startedAt === undefined ? 0 : 1,
    createdAt,
    timeoutMs: 0,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(isRunning || endedAt === undefined ? {} : { endedAt }),
    ...(isRunning ? {} : { exitCode: 0 }),
  };
};

const { SIGKILL, SIGTERM, SIGINT, SIGQUIT } = constants.signals;
const ending: ReadonlySet<number> = new Set([SIGKILL, SIGTERM, SIGINT, SIGQUIT]);

/** Whoever writes to a function by its container writes to nobody. */
const nowhere = (): Writable => new Writable({ write: (_, __, done) => done() });
