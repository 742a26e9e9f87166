import type { IncomingMessage, ServerResponse } from 'node:http';
import { MinkeError } from '../errors/index.ts';
import type { Controls } from '../engines/controls.ts';
import type { Engine } from '../engines/engine.ts';
import type { Id } from '../model/ids.ts';
import { isSettled } from '../model/run.ts';
import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Caller, Container, Containers, ContainerScope, HostFacts, Images } from './containers.ts';
import type { AskedContainer } from './translate.ts';
import type { Bulletin } from './bulletin.ts';
import type { AskedBody } from './decision.ts';
import type { Execs } from './execs.ts';
import type { Foreground } from './foreground.ts';
import type { Hijack } from './hijack.ts';
import type { Networks } from './networks.ts';
import type { Target } from './target.ts';
import type { Volumes } from './volumes.ts';

/** What every call works with. */
export interface Desk {
  readonly containers: Containers;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  /** For what is done with living containers. */
  readonly engine: Pick<Engine, 'execute' | 'inspect' | 'controls'>;
  readonly execs: Execs;
  readonly info: () => Promise<HostFacts>;
  readonly clock: Clock;
  readonly log: Log;
  readonly pick: (count: number) => number;
  readonly bulletin: Bulletin;
  readonly foreground: Foreground;
  readonly closing: AbortSignal;
}

/** One request, after routing and policy. */
export interface Call {
  readonly caller: Caller;
  readonly target: Target;
  readonly parameters: Readonly<Record<string, string>>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Takes over the connection, in the way that the request asked for. */
  readonly hijack: Hijack;
  /** Of calls that take one and are no stream. */
  readonly body: AskedBody;
  /** containers/create only; `function` is set at a function's door. */
  readonly create?: AskedContainer & { readonly function?: string };
}

export type Handler = (desk: Desk, call: Call) => Promise<void>;

/** At a function's door there is nothing but what the function started. */
export const scopeOf = (caller: Caller): ContainerScope =>
  caller.door === 'operator' ? {} : { parent: caller.instance };

/**
 * The container that the path names.
 *
 * @throws NO_SUCH, also for one that removed itself at its end, unless `withGone` wants to know how it ended
 */
export async function namedContainer(desk: Desk, call: Call, { withGone = false } = {}): Promise<Container> {
  const name = call.parameters['container'] ?? '';
  const container = await desk.containers.find(name, scopeOf(call.caller));
  if (container === undefined || (isGone(container) && !withGone))
    throw new MinkeError('NO_SUCH', { kind: 'container', name });
  return container;
}

/**
 * The container that the path names, or the one of this id, with what runs in it.
 *
 * @throws NO_SUCH, CONFLICT for one that does not run
 */
export async function livingInstance(
  desk: Desk,
  call: Call,
  id?: Id,
): Promise<{ readonly container: Container; readonly instance: Id }> {
  const named = id === undefined ? call : { ...call, parameters: { container: id } };
  const container = await namedContainer(desk, named);
  const { instance } = container.run;
  if (container.isRestarting === true)
    throw new MinkeError('CONFLICT', {
      reason: `Container ${container.run.id} is restarting, wait until the container is running`,
    });
  if (container.isFunction === true && isAlive(container))
    throw new MinkeError('NOT_SUPPORTED', {
      what: `This at the container ${container.run.id}`,
      reason: 'it stands for a function, whose instances run only while somebody calls it',
    });
  if (!isAlive(container) || instance === undefined)
    throw new MinkeError('CONFLICT', { reason: `Container ${container.run.id} is not running` });
  return { container, instance };
}

/** @throws NOT_SUPPORTED where the engine has none */
export function controlsOf({ engine }: { readonly engine: Pick<Engine, 'controls'> }, what: string): Controls {
  if (engine.controls !== undefined) return engine.controls;
  throw new MinkeError('NOT_SUPPORTED', { what, reason: 'the engine of this daemon cannot do it' });
}

/** Docker's AutoRemove: the run's row is minke's own memory and no container any more. */
export const isGone = ({ run, isStarted, isRestarting }: Container): boolean =>
  isStarted && isSettled(run.state) && run.options.keep !== true && isRestarting !== true;

/** As Docker sees it: between two lives of its own accord it runs, too. */
export const isRunning = (container: Container): boolean => isAlive(container) || container.isRestarting === true;

export const isAlive = ({ run, isStarted }: Container): boolean => isStarted && !isSettled(run.state);

/** `1`, `true` and their like, as Docker reads flags: everything but these five is true. */
export const flag = ({ target }: Call, name: string): boolean =>
  !['', '0', 'no', 'false', 'none'].includes((target.query.get(name) ?? '').trim().toLowerCase());

/** @throws BAD_REQUEST */
export function wholeNumber({ target }: Call, name: string): number | undefined {
  const text = target.query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text))
    throw new MinkeError('BAD_REQUEST', { reason: `"${name}" is "${text}" and not a whole number` });
  return Number(text);
}

/** Aborts when the client goes or the daemon closes its doors. */
export function goneSignal(desk: Desk, response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, desk.closing]);
}
