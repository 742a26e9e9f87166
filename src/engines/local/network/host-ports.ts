import { existsSync } from 'node:fs';
import type { MinkeError } from '../../../errors/index.ts';
import type { Clock } from '../../../observe/clock.ts';
import type { Log } from '../../../observe/log.ts';
import { untilSuccess } from '../../../observe/until-success.ts';
import type { WantedPort } from '../../engine.ts';
import { whyUnavailable } from '../host/listening.ts';
import {
  choosePorts,
  forwardOf,
  isSame,
  renumbered,
  unavailable,
  type PortRequest,
  type TakenPort,
} from './choose-ports.ts';
import { addForward, listForwards, removeForward } from './slirp-api.ts';

/** The ports of the host that lead into an app. The process of its way out listens at them, and outlives the daemon with them. */
export interface HostPorts {
  list(): readonly TakenPort[];
  /** The one whose traffic comes in by this port of the app's own end. */
  at(guestPort: number): TakenPort | undefined;
  /** Rejects with PORT_UNAVAILABLE where `choose` would. */
  check(wanted: readonly WantedPort[]): Promise<void>;
  /** From now on these are the app's, once `settle` has made it so. */
  choose(wanted: readonly WantedPort[]): Promise<void>;
  /** Datagrams for a name go to who has it now; answers whether there are any, and `settle` is to follow. */
  renew(name: string): boolean;
  /**
   * Rejects with PORT_UNAVAILABLE: the ports are then those of before `choose`, and it is tried again until they are to be had.
   * Those that an earlier life of the daemon left are tried again without a word.
   */
  settle(): Promise<void>;
  /** Nobody listens at them till `settle`. */
  release(): Promise<void>;
  /** Whoever listened has been replaced. */
  listenAgain(): void;
  close(): void;
}

export interface HostPortsOptions {
  readonly app: string;
  /** Of the process that listens. */
  readonly socket: string;
  /** As an earlier life of the daemon left them. */
  readonly known: readonly TakenPort[];
  readonly ownerOf: PortRequest['ownerOf'];
  readonly clock: Clock;
  readonly log: Log;
}

const pauses = { first: 1000, longest: 1000 };

export function createHostPorts({ app, socket, known, ownerOf, clock, log }: HostPortsOptions): HostPorts {
  let [ports, former] = [known, known];
  let isSettled = false;
  let isReleased = false;
  let last: Promise<void> = Promise.resolve();
  const closed = new AbortController();

  const chosen = async (wanted: readonly WantedPort[]): Promise<readonly TakenPort[]> =>
    await choosePorts({ wanted, taken: ports, socket, ownerOf });

  /** One after the other, each as things stand when its turn comes. */
  const apply = async (): Promise<void> => {
    const turn = async (): Promise<void> => await listenAt(socket, isReleased ? [] : ports);
    last = last.then(turn, turn);
    await last;
  };

  const keepTrying = (): void => {
    let isTold = false;
    const onFailure = (error: unknown): void => {
      if (!isTold) log.error('A port of the host leads to its app no more; it is tried again', { app, error });
      isTold = true;
    };
    // It rejects only when the network is closed.
    void untilSuccess(apply, { clock, signal: closed.signal, pauses, onFailure }).catch(() => undefined);
  };

  return {
    list: () => ports,
    at: (guestPort) => ports.find((port) => port.guestPort === guestPort),
    check: async (wanted) => void (await chosen(wanted)),
    choose: async (wanted) => {
      [former, ports] = [ports, await chosen(wanted)];
    },
    renew: (name) => {
      const isStale = (port: TakenPort): boolean => port.protocol === 'udp' && port.name === name;
      if (!isSettled || !ports.some(isStale)) return false;
      ports = renumbered(ports, isStale);
      former = ports;
      return true;
    },
    settle: async () => {
      isReleased = false;
      try {
        await apply();
      } catch (error) {
        // An app that ran with them before does without them until they can be had.
        if (!isSettled && known.length > 0) keepTrying();
        else {
          ports = former;
          keepTrying();
          throw error;
        }
      } finally {
        isSettled = true;
      }
    },
    release: async () => {
      isReleased = true;
      await apply();
    },
    listenAgain: () => {
      if (isSettled) keepTrying();
    },
    close: () => closed.abort(),
  };
}

/** Makes the process listen at these ports, and at no others. */
async function listenAt(socket: string, ports: readonly TakenPort[]): Promise<void> {
  // One that an earlier version started has no socket.
  if (ports.length === 0 && !existsSync(socket)) return;
  const found = await listForwards(socket);
  const wanted = ports.map((port) => ({ port, forward: forwardOf(port) }));
  for (const one of found) {
    if (!wanted.some(({ forward }) => isSame(forward, one))) await removeForward(socket, one);
  }
  for (const { port, forward } of wanted) {
    if (found.some((one) => isSame(forward, one))) continue;
    await addForward(socket, forward).catch(async (cause: unknown) => {
      throw (await reasonOf(port)) ?? cause;
    });
  }
}

/** It does not say itself why it could not listen. */
async function reasonOf(port: TakenPort): Promise<MinkeError | undefined> {
  const reason = await whyUnavailable(port);
  return reason === undefined ? undefined : unavailable(port, port.hostPort, reason);
}
