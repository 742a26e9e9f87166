import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { openHttpClient, type HttpClient } from './http-client.ts';

let server: Server;
let client: HttpClient;
let peer: Socket | undefined;

afterEach(() => {
  client.close();
  server.close();
});

async function serve(listener: RequestListener): Promise<void> {
  server = createServer(listener).listen(0, '127.0.0.1');
  server.on('connection', (socket: Socket) => {
    peer = socket;
  });
  await once(server, 'listening');
  client = await openHttpClient({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
}

it('reads answers in chunks and with a length, one after another over one connection', async () => {
  const ports = new Set<number | undefined>();
  await serve((request, response) => {
    ports.add(request.socket.remotePort);
    if (request.url === '/length') response.setHeader('Content-Length', 5).end('whole');
    else {
      response.write('first ');
      setImmediate(() => response.end('second'));
    }
  });
  expect([await client.get('/length'), await client.get('/chunks'), await client.get('/length')]).toEqual([
    'whole',
    'first second',
    'whole',
  ]);
  expect(ports.size).toBe(1);
});

it('takes any other status for a failure', async () => {
  await serve((_, response) => response.writeHead(502).end('broken'));
  await expect(client.get('/')).rejects.toThrow('HTTP/1.1 502 Bad Gateway broken');
});

it('does not wait for an answer on a connection that the server has closed meanwhile', async () => {
  await serve((_, response) => response.setHeader('Content-Length', 0).end());
  await client.get('/');
  peer?.destroy();
  await expect.poll(async () => await client.get('/').catch(String)).toContain('closed');
});

it('takes an answer that breaks off for a failure', async () => {
  await serve((_, response) => {
    response.write('half', () => response.destroy());
  });
  await expect(client.get('/')).rejects.toThrow('the connection was closed');
});
