import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { holderOf } from '../../../linux/listening.ts';

export interface HostPlace {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** Why nobody can listen there now, for people; undefined when it is free. Listens there for a moment itself. */
export async function whyUnavailable(place: HostPlace): Promise<string | undefined> {
  try {
    await listenBriefly(place);
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRNOTAVAIL') return `this host has no address ${place.hostIp}`;
    if (code !== 'EADDRINUSE') return String(error);
    const holder = holderOf(place.protocol, place.hostPort);
    if (holder === undefined) return 'another program has it';
    if (holder.pid === process.pid) return 'minke itself has it, for its gateway, which MINKE_GATEWAY puts elsewhere';
    return `"${holder.name}" (process ${holder.pid}) has it`;
  }
}

/** One that is free at that address. */
export async function freePort(place: Omit<HostPlace, 'hostPort'>): Promise<number> {
  return await listenBriefly({ ...place, hostPort: 0 });
}

async function listenBriefly({ hostIp, hostPort, protocol }: HostPlace): Promise<number> {
  if (protocol === 'udp') {
    const socket = createSocket('udp4');
    try {
      socket.bind(hostPort, hostIp);
      await once(socket, 'listening');
      return socket.address().port;
    } finally {
      socket.close();
    }
  }
  const server = createServer((connection) => connection.destroy());
  server.listen(hostPort, hostIp);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : hostPort;
}
