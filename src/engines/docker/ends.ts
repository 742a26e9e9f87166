import { createInterface } from 'node:readline';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import { untilSuccess } from '../../observe/until-success.ts';
import type { DockerClient } from './api/client.ts';
import type { EngineEvent } from './api/types.ts';
import { labels } from './record.ts';

/**
 * Tells when a container or a command has ended, by the engine's events. Whenever those were interrupted (the engine was restarted)
 * everything that is waited for is looked at again.
 */
export interface Ends {
  /** Resolves when events come; the first time at least once. */
  follow(): Promise<void>;
  /**
   * Resolves when the container with this name does not run any more; to be asked before it is started. `isSeen`: the engine
   * told of it, and was not found to be without it.
   */
  of(container: string): Promise<{ readonly isSeen: boolean }>;
  /** Resolves when the command (its id as the engine's `exec`) has ended. */
  ofCommand(id: string): Promise<void>;
  /** It is not waited for any more. */
  forget(key: string): void;
  /** Looks whether it has ended already. */
  check(container: string): Promise<void>;
  close(): void;
}

export interface EndsOptions {
  readonly client: DockerClient;
  readonly owner: string;
  /** Whether it has run and does not any more, or is gone. */
  readonly isOver: (container: string) => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
}

const pauses = { first: 50, longest: 2000 };

export function watchEnds({ client, owner, isOver, clock, log }: EndsOptions): Ends {
  const containers = new Map<string, (end: { readonly isSeen: boolean }) => void>();
  const commands = new Map<string, () => void>();
  const closing = new AbortController();
  let events: IncomingMessage | undefined;

  const settle = (container: string, isSeen: boolean): void => {
    containers.get(container)?.({ isSeen });
    containers.delete(container);
  };

  const take = ({ Action, Actor }: EngineEvent): void => {
    const { name = '', execID = '' } = Actor.Attributes;
    if (Action === 'die' || Action === 'destroy') settle(name, Action === 'die');
    if (Action !== 'exec_die') return;
    commands.get(execID)?.();
    commands.delete(execID);
  };

  const check = async (container: string): Promise<void> => {
    if (await isOver(container)) settle(container, false);
  };

  const connect = async (): Promise<IncomingMessage> => {
    const filters = JSON.stringify({
      type: ['container'],
      label: [`${labels.owner}=${owner}`],
      event: ['die', 'destroy', 'exec_die'],
    });
    const { signal } = closing;
    return await client.open({ method: 'GET', path: '/events', query: { filters }, signal });
  };

  const read = async (stream: IncomingMessage): Promise<void> => {
    try {
      for await (const line of createInterface({ input: stream }))
        if (line !== '') take(JSON.parse(line) as EngineEvent);
    } catch {
      // The connection broke, which ends it as well.
    }
  };

  const reconnect = async (): Promise<void> => {
    let isTold = false;
    const onFailure = (error: unknown): void => {
      if (!isTold) log.error('The Docker Engine does not answer; it is asked again', { error });
      isTold = true;
    };
    events = await untilSuccess(
      async () => {
        const stream = await connect();
        // What ended while nobody heard of it. Known only from now on: a start of before is looked at, a later one is heard.
        for (const container of containers.keys()) await check(container);
        for (const resolve of commands.values()) resolve();
        commands.clear();
        return stream;
      },
      { clock, signal: closing.signal, pauses, onFailure },
    );
    if (isTold) log.info('The Docker Engine answers again');
  };

  const keepFollowing = async (): Promise<void> => {
    while (!closing.signal.aborted && events !== undefined) {
      await read(events);
      if (!closing.signal.aborted) await reconnect();
    }
  };

  return {
    follow: async () => {
      events = await connect();
      void keepFollowing().catch(() => undefined);
    },
    of: async (container) => await new Promise((resolve) => containers.set(container, resolve)),
    ofCommand: async (id) => await new Promise((resolve) => commands.set(id, resolve)),
    forget: (key) => {
      containers.delete(key);
      commands.delete(key);
    },
    check,
    close: () => {
      closing.abort();
      events?.destroy();
    },
  };
}
