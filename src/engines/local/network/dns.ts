import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { answerTo, codes, errorTo, readQuestion, typeA } from './dns-message.ts';
import { createUpstream, messagesOf, type Upstream } from './dns-upstream.ts';

/** What the resolver of an app's network knows. */
export interface DnsZone {
  /** IPv4 address of a name of the app, as the instance at `from` sees it. */
  lookUp(name: string, from: string): string | undefined;
  /** Whether the instance at this address may ask for names outside. */
  mayForward(from: string): boolean;
  /** Addresses of the host's own resolvers. */
  readonly upstream: readonly string[];
  /** Default: 53. */
  readonly upstreamPort?: number;
}

const tcpIdleMs = 10_000;
/** As many at once as one app needs; the descriptors are the daemon's. */
const mostConnections = 64;

/** Answers DNS (RFC 1035) on a bound UDP socket, and where there is one on a listening TCP socket, until it is closed. */
export function serveDns(sockets: { readonly udp: number; readonly tcp?: number }, zone: DnsZone): { close(): void } {
  const upstream = createUpstream(zone.upstream, zone.upstreamPort ?? 53);
  const datagrams = createSocket('udp4');
  datagrams.bind({ fd: sockets.udp });
  datagrams.on('error', () => undefined);
  datagrams.on('message', (query, from) => {
    void answer(query, from.address, 'udp', zone, upstream).then((reply) => {
      if (reply !== undefined) datagrams.send(reply, from.port, from.address, () => undefined);
    });
  });
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    void converse(socket, zone, upstream).finally(() => open.delete(socket));
  });
  server.maxConnections = mostConnections;
  server.on('error', () => undefined);
  if (sockets.tcp !== undefined) server.listen({ fd: sockets.tcp });
  return {
    close: () => {
      datagrams.close();
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Over TCP one question after the other (RFC 7766); what is no question ends the connection. */
async function converse(socket: Socket, zone: DnsZone, upstream: Upstream): Promise<void> {
  const from = socket.remoteAddress ?? '';
  socket.setTimeout(tcpIdleMs, () => socket.destroy());
  socket.on('error', () => undefined);
  try {
    for await (const query of messagesOf(socket)) {
      const reply = await answer(query, from, 'tcp', zone, upstream);
      if (reply === undefined) break;
      socket.write(Buffer.concat([lengthOf(reply), reply]));
    }
  } catch {
    // It broke; whoever asked has gone.
  }
  socket.end();
}

/** undefined where nothing is answered: what is no question might be meant to make us send. */
async function answer(
  query: Buffer,
  from: string,
  transport: 'udp' | 'tcp',
  zone: DnsZone,
  upstream: Upstream,
): Promise<Buffer | undefined> {
  const asked = readQuestion(query);
  if (asked === undefined) return undefined;
  // The host's resolver might let the host change its names.
  if (asked.operation !== 0) return errorTo(query, asked, codes.notImplemented);
  const address = zone.lookUp(asked.name, from);
  if (address !== undefined) return answerTo(query, asked, asked.type === typeA ? address : undefined);
  if (!asked.name.includes('.')) return errorTo(query, asked, codes.notFound);
  if (!zone.mayForward(from)) return errorTo(query, asked, codes.refused);
  return (await upstream.ask(query, from, transport)) ?? errorTo(query, asked, codes.failed);
}

function lengthOf(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return length;
}
