import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openRaw, readUntil } from './raw-client.ts';
import { openStand, type Stand } from './stand.ts';

const stallMs = 1_500;
const plain = String.raw`printf 'Content-Type: text/plain\n\n'; `;

/** Functions that say how long a body was, that give one, and that neither read nor write. */
async function open(): Promise<Stand> {
  const programs = {
    take: `size=$(wc -c); ${plain} echo $size`,
    give: `${plain} head -c 300000000 /dev/zero`,
    mute: 'sleep 60',
  };
  const names = Object.keys(programs);
  const stand = await openStand({
    routes: Object.fromEntries(names.map((name) => [`/${name}`, { name, kind: 'cgi', concurrency: 1 }])),
    limits: { stallMs, checkIntervalMs: 50 },
  });
  for (const [name, script] of Object.entries(programs)) stand.capacity.programs.set(name, script);
  return stand;
}

const head = (method: string, path: string, ...fields: readonly string[]): string =>
  [`${method} ${path} HTTP/1.1`, 'Host: a', ...fields, '', ''].join('\r\n');

// Where the machine holds up this process for longer than the limit, a client that sends on stands still all the same.
describe('a slow client', { retry: 2 }, () => {
  it.each([['Content-Length: 10'], ['Transfer-Encoding: chunked']])(
    'that sends nothing more of its body is answered with 408, and its function killed (%s)',
    async (field) => {
      await using stand = await open();
      const socket = await openRaw(stand.port);
      const record = stand.nextRecord();
      socket.write(`${head('POST', '/take', field)}1\r\na\r\n`);
      expect(await readUntil(socket, 'CLIENT_STALLED')).toMatch(/^HTTP\/1\.1 408 [^]*Connection: close[^]*1\.5 s/);
      socket.destroy();
      expect(await record).toMatchObject({ status: 408, error: 'CLIENT_STALLED' });
      for (const { exited } of stand.capacity.started) expect((await exited).code).toBe(137);
    },
  );

  it('that sends on, however slowly, is waited for', async () => {
    await using stand = await open();
    const socket = await openRaw(stand.port);
    const answer = readUntil(socket, '\r\n0\r\n\r\n');
    const pieces = 12;
    socket.write(head('POST', '/take', `Content-Length: ${pieces}`));
    for (let count = 0; count < pieces; count += 1) {
      await delay((3 * stallMs) / pieces);
      socket.write('x');
    }
    expect(await answer).toMatch(/^HTTP\/1\.1 200 [^]*\b12\n/);
  });

  it('is not blamed while the function takes nothing, or has not asked for the body', async () => {
    await using stand = await open();
    const full = await openRaw(stand.port);
    full.write(head('POST', '/mute', 'Content-Length: 100000000'));
    full.write(Buffer.alloc(100_000_000));
    const waiting = await openRaw(stand.port);
    waiting.write(head('POST', '/mute', 'Content-Length: 10', 'Expect: 100-continue'));
    const quiet = await openRaw(stand.port);
    quiet.write(head('GET', '/mute'));
    await delay(2 * stallMs);
    expect(stand.records).toEqual([]);
    for (const socket of [full, waiting, quiet]) socket.destroy();
  });

  it('that takes nothing more of its answer is left, and its function killed', async () => {
    await using stand = await open();
    const socket = await openRaw(stand.port);
    const record = stand.nextRecord();
    socket.write(head('GET', '/give'));
    socket.pause();
    expect(await record).toMatchObject({ status: 200, error: 'CLIENT_STALLED' });
    expect((await stand.capacity.started[0]?.exited)?.code).toBe(137);
    socket.destroy();
  });

  it('that takes on, however slowly, is waited for', async () => {
    await using stand = await open();
    const socket = await openRaw(stand.port);
    socket.pause();
    socket.write(head('GET', '/give'));
    const pieces = 12;
    for (let count = 0; count < pieces; count += 1) {
      await delay((3 * stallMs) / pieces);
      await take(socket, 200_000);
    }
    expect(stand.records).toEqual([]);
    socket.destroy();
  });
});

/** Less than what the kernel holds for both of them, so that nobody writes anything for a while. */
async function take(socket: Socket, bytes: number): Promise<void> {
  let taken = 0;
  while (taken < bytes) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) await new Promise((resolve) => socket.once('readable', resolve));
    else taken += chunk.length;
  }
}
