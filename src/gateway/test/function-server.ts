import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import type { Target } from '../capacity.ts';
import { openStand, type Stand } from './stand.ts';

const servers: TcpServer[] = [];

/** For the end of each test: those that were opened here. */
export async function closeServers(): Promise<void> {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) (server as Server).closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

async function open(server: TcpServer): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A function "api" at /api that is an HTTP server of the test's. */
export async function openApi(listener: Listener, target: Partial<Target> = {}): Promise<Stand> {
  return openBehind(
    createServer((request, response) => {
      void listener(request, response);
    }),
    target,
  );
}

export async function openBehind(server: TcpServer, target: Partial<Target> = {}): Promise<Stand> {
  const stand = await openStand({ routes: { '/api': { name: 'api', kind: 'http', ...target } } });
  stand.capacity.programs.set('api', await open(server));
  return stand;
}

/** A server that does with each connection what the test says. */
export const tcp = (onConnection: (socket: Socket) => void): TcpServer =>
  createTcpServer((socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
    socket.resume();
  });

export async function textOf(stream: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
