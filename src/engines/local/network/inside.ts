import { Server, Socket } from 'node:net';
import { inNetworkNamespace } from '../../../linux/namespace.ts';
import {
  descriptorOf,
  openTcpListener,
  openTcpSocket,
  openUdpSocket,
  originalDestination,
} from '../../../linux/socket.ts';
import { gatewayAddress, type Subnet } from './addresses.ts';
import { serveDns, type DnsZone } from './dns.ts';

export interface Inside {
  readonly dns: DnsZone;
  /** A connection to a name, paused, and where it was meant to go. */
  readonly accept: (socket: Socket, wanted: { readonly address: string; readonly port: number }) => void;
}

/** Where the rules lead what nobody answers for. */
export const listenerPort = 65_001;

/** The resolver and the listener for names, as sockets of the app's namespace. */
export function listenInside(namespace: string, subnet: Subnet, inside: Inside): { close(): void } {
  const [dns, tcp] = inNetworkNamespace(namespace, () => [
    { udp: openUdpSocket(gatewayAddress(subnet), 53), tcp: openTcpListener(gatewayAddress(subnet), 53) },
    openTcpListener('0.0.0.0', listenerPort),
  ]);
  const resolver = serveDns(dns, inside.dns);
  const server = new Server({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => accept(socket, inside));
  server.listen({ fd: tcp });
  server.on('error', () => undefined);
  return {
    close: () => {
      resolver.close();
      server.close();
    },
  };
}

/** A client that has gone again leaves nothing to ask. */
function accept(socket: Socket, inside: Inside): void {
  socket.on('error', () => socket.destroy());
  try {
    inside.accept(socket, originalDestination(descriptorOf(socket) ?? -1));
  } catch {
    socket.destroy();
  }
}

/** A socket belongs to the namespace it was made in, so it is made there and connected here. */
export async function connectInside(
  namespace: string,
  address: string,
  port: number,
  signal?: AbortSignal,
): Promise<Socket> {
  signal?.throwIfAborted();
  const fd = inNetworkNamespace(namespace, openTcpSocket);
  // Nothing may be read before it is connected; `manualStart` is what Node's own connect() uses for that.
  const socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true, manualStart: true } as object);
  await new Promise<void>((resolve, reject) => {
    const abort = (): void =>
      void socket.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      signal?.removeEventListener('abort', abort);
      socket.removeListener('error', reject);
      resolve();
    });
    socket.once('error', reject);
    socket.connect({ host: address, port });
  });
  return socket;
}
