import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** What the process of an app's way out listens at on the host and carries to the app, by its socket (slirp4netns(1), API socket). */

export interface Forward {
  readonly protocol: 'tcp' | 'udp';
  readonly hostIp: string;
  readonly hostPort: number;
  readonly guestAddress: string;
  readonly guestPort: number;
}

export type NumberedForward = Forward & { readonly id: number };

export async function listForwards(socket: string): Promise<readonly NumberedForward[]> {
  const { entries } = await ask<{ readonly entries: readonly Entry[] }>(socket, 'list_hostfwd');
  return entries.map((entry) => ({
    id: entry.id,
    protocol: entry.proto,
    hostIp: entry.host_addr,
    hostPort: entry.host_port,
    guestAddress: entry.guest_addr,
    guestPort: entry.guest_port,
  }));
}

/** Rejects when it cannot listen there, without saying why. */
export async function addForward(socket: string, forward: Forward): Promise<void> {
  await ask(socket, 'add_hostfwd', {
    proto: forward.protocol,
    host_addr: forward.hostIp,
    host_port: forward.hostPort,
    guest_addr: forward.guestAddress,
    guest_port: forward.guestPort,
  });
}

/** Listens no more; connections through it go on. */
export async function removeForward(socket: string, { id }: NumberedForward): Promise<void> {
  await ask(socket, 'remove_hostfwd', { id });
}

interface Entry {
  readonly id: number;
  readonly proto: 'tcp' | 'udp';
  readonly host_addr: string;
  readonly host_port: number;
  readonly guest_addr: string;
  readonly guest_port: number;
}

const answerWithinMs = 5000;

/** One question a connection. */
async function ask<T>(path: string, command: string, args?: object): Promise<T> {
  const socket = connect({ path });
  socket.setTimeout(answerWithinMs, () => socket.destroy(new Error('slirp4netns does not answer')));
  socket.end(JSON.stringify({ execute: command, ...(args === undefined ? {} : { arguments: args }) }));
  const answer = JSON.parse(await text(socket)) as T & { readonly error?: { readonly desc: string } };
  if (answer.error !== undefined) throw new Error(answer.error.desc);
  return answer;
}
