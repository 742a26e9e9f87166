import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { openRaw, readAll, readUntil } from './raw-client.ts';
import { openStand, type Stand } from './stand.ts';

const plain = String.raw`printf 'Content-Type: text/plain\n\n'; `;

async function openEcho(script: string): Promise<Stand> {
  const stand = await openStand({
    routes: { '/': { name: 'echo', kind: 'cgi' } },
    limits: { bodyBytes: 1000, cgiChunkedBytes: 10 },
  });
  stand.capacity.programs.set('echo', script);
  return stand;
}

describe('a client that has closed its side', () => {
  it('behind a request of HTTP/1.0 gets its answer, with nothing before it', async () => {
    await using stand = await openEcho(`sleep 0.2; ${plain} echo heard`);
    const socket = await openRaw(stand.port);
    socket.end('GET / HTTP/1.0\r\n\r\n');
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nheard\n$/);
  });

  it('while its answer comes gets the rest of it', async () => {
    await using stand = await openEcho(`${plain} echo begun; head -c 4; sleep 0.2; echo end`);
    const socket = await openRaw(stand.port);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n');
    await readUntil(socket, 'begun');
    socket.end('body');
    expect(await readAll(socket)).toMatch(/body[^]*end[^]*\r\n0\r\n\r\n$/);
  });

  it('within its body has gone, which no function may take for the end of it', async () => {
    await using stand = await openEcho(`cat; ${plain}`);
    const begun = stand.capacity.nextStart();
    const record = stand.nextRecord();
    const socket = await openRaw(stand.port);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    const { exited } = await begun;
    socket.end();
    expect((await exited).code).toBe(137);
    expect(await record).toMatchObject({ status: 499 });
  });

  it('within a second request gets the answer to the first', async () => {
    await using stand = await openEcho(`sleep 0.2; ${plain} echo heard`);
    const socket = await openRaw(stand.port);
    socket.end('GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT');
    expect(await readAll(socket)).toMatch(/HTTP\/1\.1 200 OK\r\n[^]*heard[^]*\r\n0\r\n\r\n$/);
  });
});

describe('a client that still sends when it is refused', () => {
  it('can read why, and is read from until it has', async () => {
    await using stand = await openEcho('cat >/dev/null');
    const socket = await openRaw(stand.port);
    const errors: Error[] = [];
    socket.on('error', (error) => errors.push(error));
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const body = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000), Buffer.from('\r\n')]);
    for (let count = 0; count < 32; count += 1) if (!socket.write(body)) await once(socket, 'drain');
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close[^]*BODY_TOO_LARGE/);
    expect(errors).toEqual([]);
  });

  it('is closed when it does not stop', async () => {
    await using stand = await openStand({ limits: { bodyBytes: 10, lingerMs: 100 } });
    const socket = await openRaw(stand.port);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n');
    expect(await readUntil(socket, 'BODY_TOO_LARGE')).toContain('413');
    const sending = setInterval(() => socket.write('x'), 10);
    await closed;
    clearInterval(sending);
  });
});
