import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import { openRaw, readAll, readUntil } from './raw-client.ts';
import { openStand, targetOf, type Stand } from './stand.ts';

interface Inside extends AsyncDisposable {
  readonly port: number;
}

/** What the listener in an app's network does: hands each connection over with the name that it was for. */
async function openName(stand: Stand, name: string): Promise<Inside> {
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    stand.gateway.handleNamed({ socket, app: 'shop', name, port: 80, from: '10.1.0.9' });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.close();
    },
  };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: vote\r\nConnection: close\r\n\r\n`;

describe('from inside the network of an app', () => {
  it('CO-6 a function answers by its name, with the whole path its own', async () => {
    await using stand = await openStand({ routes: { '/shown': { name: 'vote', kind: 'cgi' } } });
    stand.capacity.programs.set('vote', String.raw`printf 'Content-Type: text/plain\n\n'; env`);
    await using inside = await openName(stand, 'vote');
    const socket = await openRaw(inside.port);
    socket.write(get('/a/b?c'));
    const env = (await readAll(socket)).split(/\r?\n/);
    for (const line of [
      'SCRIPT_NAME=',
      'PATH_INFO=/a/b',
      'QUERY_STRING=c',
      'REMOTE_ADDR=10.1.0.9',
      'SERVER_NAME=vote',
      'SERVER_PORT=80',
    ]) {
      expect(env).toContain(line);
    }
  });

  it('CO-6 the own paths of minke lead to no function by name either', async () => {
    await using stand = await openStand({ routes: { '/': { name: 'vote', kind: 'cgi' } } });
    await using inside = await openName(stand, 'vote');
    const socket = await openRaw(inside.port);
    socket.write(get('/_handoff/prepare'));
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 404 /);
    expect(stand.capacity.started.length).toBe(0);
  });

  it('CO-6 a name that nobody has is a 404', async () => {
    await using stand = await openStand({});
    await using inside = await openName(stand, 'nobody');
    const socket = await openRaw(inside.port);
    socket.write(get('/'));
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('CO-6 a service is reached byte for byte, whatever it speaks, and each side may end first', async () => {
    const db = createServer({ allowHalfOpen: true }, (socket) => {
      socket.write('220 ready\n');
      socket.pipe(socket);
    });
    db.listen(0, '127.0.0.1');
    await once(db, 'listening');
    await using stand = await openStand({});
    stand.router.setRoutes('shop', [], [targetOf({ name: 'db', kind: 'service' })]);
    stand.capacity.programs.set('db', (db.address() as AddressInfo).port);
    await using inside = await openName(stand, 'db');
    const socket = await openRaw(inside.port);
    await readUntil(socket, '220 ready\n');
    socket.end('\u0000\u0001 not HTTP');
    expect(await readAll(socket)).toBe('\u0000\u0001 not HTTP');
    db.close();
    await once(db, 'close');
    expect(stand.capacity.leases()).toBe(0);
  });

  it('CO-6 a service that does not come up in its time resets the connection and says so in the log', async () => {
    await using stand = await openStand({});
    stand.router.setRoutes('shop', [], [targetOf({ name: 'db', kind: 'service' })]);
    await using inside = await openName(stand, 'db');
    const socket = await openRaw(inside.port);
    expect(await readAll(socket)).toBe('');
    expect(stand.logLines.join('')).toContain('"name":"db"');
  });
});
