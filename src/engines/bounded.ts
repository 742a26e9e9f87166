import type { Socket } from 'node:net';
import { MinkeError, toMinkeError } from '../errors/index.ts';
import type { InstanceSpec } from '../model/instance.ts';
import type { Clock } from '../observe/clock.ts';
import type { Fields, Log } from '../observe/log.ts';
import type { Engine, Instance, Networks } from './engine.ts';

/** Milliseconds that each call may take. */
export interface EngineLimits {
  readonly startMs: number;
  /** Beyond the grace that the caller gives. */
  readonly stopMs: number;
  readonly connectMs: number;
  /** Looking at every instance of an earlier daemon, or ending them all. */
  readonly recoverMs: number;
  /** Everything else. */
  readonly callMs: number;
}

/** One call to an engine, for metrics. */
export interface EngineCall {
  readonly operation: string;
  readonly ms: number;
  readonly outcome: 'ok' | 'failed' | 'timed-out' | 'aborted';
}

export interface BoundedOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<EngineLimits>;
  /** Told of every call when it has ended. */
  readonly measure?: (call: EngineCall) => void;
}

const defaultLimits: EngineLimits = {
  startMs: 30_000,
  stopMs: 10_000,
  connectMs: 10_000,
  recoverMs: 60_000,
  callMs: 10_000,
};

/**
 * The one wrapper around every engine: time limits, abort, logging, metrics; so that engines need none of it.
 *
 * A call that does not end in time rejects with INSTANCE_START_TIMEOUT (starts) or TIMEOUT; an aborted one with the
 * signal's reason, at once, whether the engine listens to the signal or not. What such a call makes later all the same is
 * ended when it arrives: nobody knows of it.
 */
export function createBoundedEngine(engine: Engine, options: BoundedOptions): Engine {
  const limits = { ...defaultLimits, ...options.limits };
  const bound = createBound(options);
  const { log } = options;
  return {
    describe: () => engine.describe(),
    ...(engine.prepare === undefined ? {} : { prepare: boundPrepare(engine.prepare, bound) }),
    start: (spec, signal) =>
      bound({
        operation: 'start',
        fields: fieldsOf(spec),
        limitMs: limits.startMs,
        signal,
        expired: (seconds) => new MinkeError('INSTANCE_START_TIMEOUT', { name: spec.name, seconds }),
        call: (limited) => engine.start(spec, limited),
        discard: (instance) => discard(engine, instance, log),
      }),
    stop: (id, graceMs) =>
      bound({
        operation: 'stop',
        fields: { instance: id, graceMs },
        limitMs: graceMs + limits.stopMs,
        call: () => engine.stop(id, graceMs),
      }),
    kill: (id, signalNumber) =>
      bound({
        operation: 'kill',
        fields: { instance: id, signalNumber },
        limitMs: limits.callMs,
        call: () => engine.kill(id, signalNumber),
      }),
    inspect: (id) =>
      bound({ operation: 'inspect', fields: { instance: id }, limitMs: limits.callMs, call: () => engine.inspect(id) }),
    execute: (id, command, signal) =>
      bound({
        operation: 'execute',
        // A command that cannot be run is for its caller to tell.
        isTrial: true,
        fields: { instance: id, program: command.argv[0] },
        limitMs: command.timeoutMs + limits.callMs,
        signal,
        call: (limited) => engine.execute(id, command, limited),
      }),
    recover: () => bound({ operation: 'recover', fields: {}, limitMs: limits.recoverMs, call: () => engine.recover() }),
    ended: () => bound({ operation: 'ended', fields: {}, limitMs: limits.callMs, call: () => engine.ended() }),
    remove: (id) =>
      bound({ operation: 'remove', fields: { instance: id }, limitMs: limits.callMs, call: () => engine.remove(id) }),
    logs: engine.logs,
    networks: boundNetworks(engine.networks, bound, limits),
    // Each is a matter of a moment, or as long as what is copied.
    ...(engine.controls === undefined ? {} : { controls: engine.controls }),
    ...(engine.roots === undefined ? {} : { roots: engine.roots }),
    close: (how) =>
      bound({ operation: 'close', fields: { ...how }, limitMs: limits.recoverMs, call: () => engine.close(how) }),
  };
}

interface BoundCall<T> {
  readonly operation: string;
  /** Its failure is an answer like any other. */
  readonly isTrial?: boolean;
  readonly fields: Fields;
  readonly limitMs: number;
  /** The caller's. */
  readonly signal?: AbortSignal | undefined;
  readonly expired?: (seconds: number) => MinkeError;
  readonly call: (signal: AbortSignal) => Promise<T>;
  /** Ends what arrives after nobody waits for it any more. */
  readonly discard?: (late: T) => void;
}

type Bound = <T>(call: BoundCall<T>) => Promise<T>;

/** As long as it takes: an image may be of any size. */
function boundPrepare(prepare: NonNullable<Engine['prepare']>, bound: Bound): NonNullable<Engine['prepare']> {
  return (spec, signal) =>
    bound({
      operation: 'prepare',
      fields: { image: spec.image.reference },
      limitMs: Infinity,
      signal,
      call: (limited) => prepare(spec, limited),
    });
}

function boundNetworks(networks: Networks, bound: Bound, limits: EngineLimits): Networks {
  return {
    ensure: (spec) =>
      bound({
        operation: 'network-ensure',
        fields: { app: spec.app, names: spec.names },
        limitMs: limits.callMs,
        call: () => networks.ensure(spec),
      }),
    publish: (app, name, addresses) =>
      bound({
        operation: 'network-publish',
        fields: { app, name, addresses },
        limitMs: limits.callMs,
        call: () => networks.publish(app, name, addresses),
      }),
    ports: (app) => networks.ports(app),
    releasePorts: () =>
      bound({
        operation: 'network-release-ports',
        fields: {},
        limitMs: limits.callMs,
        call: () => networks.releasePorts(),
      }),
    checkPorts: (app, ports) =>
      bound({
        operation: 'network-check-ports',
        fields: { app, ports },
        limitMs: limits.callMs,
        call: () => networks.checkPorts(app, ports),
      }),
    connect: (app, address, port, signal) =>
      bound({
        operation: 'connect',
        // Asking whether it listens yet is how one waits for it.
        isTrial: true,
        fields: { app, address, port },
        limitMs: limits.connectMs,
        signal,
        call: (limited) => networks.connect(app, address, port, limited),
        discard: (socket: Socket) => socket.destroy(),
      }),
    remove: (app) =>
      bound({ operation: 'network-remove', fields: { app }, limitMs: limits.callMs, call: () => networks.remove(app) }),
  };
}

function createBound({ clock, log, measure = () => undefined }: BoundedOptions): Bound {
  return async (call) => {
    const { operation, fields } = call;
    const begun = clock.elapsed();
    const ended = (outcome: EngineCall['outcome'], error?: unknown): void => {
      const ms = Math.round((clock.elapsed() - begun) * 10) / 10;
      measure({ operation, ms, outcome });
      if (outcome === 'ok') log.debug('engine call', { operation, ...fields, ms });
      else
        log[call.isTrial === true || outcome === 'aborted' ? 'debug' : 'warn']('engine call', {
          operation,
          ...fields,
          ms,
          outcome,
          error,
        });
    };
    const limit = new AbortController();
    try {
      const result = await raceLimit(clock, call, limit);
      ended('ok');
      return result;
    } catch (error) {
      ended(outcomeOf(error, call.signal), error);
      throw error;
    }
  };
}

function outcomeOf(error: unknown, signal: AbortSignal | undefined): EngineCall['outcome'] {
  if (signal?.aborted === true) return 'aborted';
  const { code } = toMinkeError(error);
  return code === 'TIMEOUT' || code === 'INSTANCE_START_TIMEOUT' ? 'timed-out' : 'failed';
}

async function raceLimit<T>(clock: Clock, call: BoundCall<T>, limit: AbortController): Promise<T> {
  call.signal?.throwIfAborted();
  const timer = new AbortController();
  const givenUp = Promise.withResolvers<never>();
  const giveUp = (error: unknown): void => {
    givenUp.reject(error);
    limit.abort(error);
  };
  const onAbort = (): void => giveUp(call.signal?.reason);
  call.signal?.addEventListener('abort', onAbort);
  if (Number.isFinite(call.limitMs))
    clock.sleep(call.limitMs, timer.signal).then(
      () => giveUp(expiry(call)),
      // The timer was let go of: the call ended first.
      () => undefined,
    );
  const result = call.call(limit.signal);
  try {
    return await Promise.race([result, givenUp.promise]);
  } catch (error) {
    if (limit.signal.aborted) result.then(call.discard, () => undefined);
    throw error;
  } finally {
    timer.abort(over);
    call.signal?.removeEventListener('abort', onAbort);
  }
}

/** Given to `abort`, which would otherwise make an error with a stack for each call. */
const over = 'over';

function expiry<T>({ operation, limitMs, expired }: BoundCall<T>): MinkeError {
  const seconds = limitMs / 1000;
  return expired?.(seconds) ?? new MinkeError('TIMEOUT', { action: `The engine's ${operation}`, seconds });
}

function fieldsOf({ app, name, id, kind }: InstanceSpec): Fields {
  return { app, name, instance: id, kind };
}

function discard(engine: Engine, { handle }: Instance, log: Log): void {
  engine
    .stop(handle.id, 0)
    .then(() => engine.remove(handle.id))
    .catch((error: unknown) =>
      log.error('cannot end an instance that started too late', { instance: handle.id, error }),
    );
}
