import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bytesOf,
  digestOf,
  digestOfBytes,
  directions,
  framings,
  transfer,
} from '../../scripts/soak/bodies/transfer.ts';
import type { InstanceRow } from '../../src/api/types.ts';
import { openRaw, readAll, readUntil } from '../../src/gateway/test/raw-client.ts';
import type { TimelineEvent } from '../../src/model/timeline.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { fixtureApp } from './isolation-fixtures.ts';
import { viewOf } from './restart-host.ts';
import { residentMb } from './voting-host.ts';

const app = 'clients';
const mebibyte = 1024 ** 2;
const patient = { timeout: 15_000, interval: 50 };

describe('clients and functions that are difficult', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon();
    await daemon.up(fixtureApp(app));
  });
  afterAll(async () => {
    expect(await daemon.purge(), 'left on the host').toEqual([]);
  });

  const url = (path: string): string => `${daemon.gateway}${path}`;
  const connect = async (): Promise<Socket> => await openRaw(Number(new URL(daemon.gateway).port));
  const functions = async (): Promise<readonly InstanceRow[]> => {
    const { instances } = await daemon.api.json<{ instances: InstanceRow[] }>('instances', { query: { app } });
    return instances.filter(({ kind }) => kind !== 'service');
  };
  const somethingRuns = async (): Promise<void> => await expect.poll(functions, patient).not.toEqual([]);
  const nothingRuns = async (): Promise<void> => await expect.poll(functions, patient).toEqual([]);
  /** What the timeline says of the calls of this address, once it says something. */
  const told = async (path: string): Promise<readonly TimelineEvent[]> => {
    const calls = async (): Promise<readonly TimelineEvent[]> => {
      const all: TimelineEvent[] = [];
      for await (const event of daemon.api.lines<TimelineEvent>('events', { query: { app } })) all.push(event);
      return all.filter(({ kind, facts }) => kind === 'call' && facts?.['url'] === path);
    };
    await expect.poll(calls, patient).not.toEqual([]);
    return await calls();
  };
  const statusAndText = async (answer: Response): Promise<unknown> => [answer.status, await answer.text()];

  describe.each(['web', 'page'])('%s', (kind) => {
    it.each([
      ['before the answer', 'silent', undefined],
      ['in an answer that says nothing more', 'begin', 'begun'],
      ['in an answer that goes on', 'tick', 'tick'],
    ])('DR-6 is let go of when its client goes %s, and the timeline says so', async (_, page, seen) => {
      const path = `/${kind}/${page}?gone`;
      const socket = await connect();
      socket.write(head('GET', path));
      await (seen === undefined ? somethingRuns() : readUntil(socket, seen));
      socket.destroy();
      expect(await told(path)).toMatchObject([{ name: kind, facts: { status: 499 } }]);
      await nothingRuns();
    });

    it.each([
      ['Content-Length: 9000000', Buffer.alloc(mebibyte)],
      ['Transfer-Encoding: chunked', chunk(Buffer.alloc(mebibyte))],
    ])('DR-6 is let go of when its client goes within its upload (%s)', async (field, bytes) => {
      const path = `/${kind}/take?gone-${field.slice(0, 3)}`;
      const socket = await connect();
      socket.write(head('POST', path, field));
      socket.write(bytes);
      await somethingRuns();
      socket.destroy();
      expect(await told(path)).toMatchObject([{ name: kind, facts: { status: 499 } }]);
      await nothingRuns();
    });

    it('DR-6 is let go of when its client goes within its download', async () => {
      const path = `/${kind}/give?bytes=${1024 * mebibyte}`;
      const socket = await connect();
      socket.write(head('GET', path));
      await once(socket, 'data');
      socket.destroy();
      expect(await told(path)).toMatchObject([{ name: kind, facts: { status: 499 } }]);
      await nothingRuns();
    });

    it('answers a client that has closed its side behind its request', async () => {
      const socket = await connect();
      socket.end(head('GET', `/${kind}/give?bytes=1000000&length`));
      expect(await bodyOf(socket)).toBe(await digestOfBytes(1_000_000));
    });

    it('answers a client of HTTP/1.0 that has closed its side', async () => {
      const socket = await connect();
      socket.end(`GET /${kind}/give?bytes=1000000 HTTP/1.0\r\n\r\n`);
      expect(await bodyOf(socket)).toBe(await digestOfBytes(1_000_000));
    });

    it('answers to its end a client that closes its side while it is answered', async () => {
      const bytes = 8 * mebibyte;
      const socket = await connect();
      socket.write(head('POST', `/${kind}/echo`, `Content-Length: ${bytes}`));
      Readable.from(bytesOf(bytes)).pipe(socket);
      const answer = await readAll(socket);
      expect(answer.slice(-5)).toBe('0\r\n\r\n');
      expect(answer.length).toBeGreaterThan(bytes);
    });

    it('is held up by a client that stops reading, and the daemon does not take what it writes', async () => {
      const bytes = 96 * mebibyte;
      const before = residentMb(daemon.pid);
      const socket = await connect();
      socket.write(head('GET', `/${kind}/give?bytes=${bytes}&length`));
      await once(socket, 'readable');
      // However quick it is, it could have written all by then.
      await delay(2000);
      const [row] = await functions();
      expect(row).toMatchObject({ name: kind });
      expect(residentMb(daemon.pid) - before).toBeLessThan(64);
      expect(await bodyOf(socket)).toBe(await digestOfBytes(bytes));
    });

    it('may answer before it has read the body, all of which its client sends', async () => {
      const body = Buffer.alloc(16 * mebibyte);
      const answer = await fetch(url(`/${kind}/early`), { method: 'POST', body });
      expect(await statusAndText(answer)).toEqual([200, 'early']);
    });

    it('that reads nothing holds its client up, until its time is over', async () => {
      const socket = await connect();
      const before = residentMb(daemon.pid);
      const answered = readUntil(socket, 'REQUEST_TIMEOUT');
      socket.write(head('POST', `/hasty-${kind}/silent`, `Content-Length: ${1024 * mebibyte}`));
      Readable.from(bytesOf(1024 * mebibyte)).pipe(socket);
      expect(await answered).toMatch(/^HTTP\/1\.1 504 /);
      expect(socket.bytesWritten - socket.writableLength).toBeLessThan(128 * mebibyte);
      expect(residentMb(daemon.pid) - before).toBeLessThan(64);
      socket.destroy();
    });

    it.each([
      ['that comes all the same', []],
      ['that asks first', ['Expect: 100-continue']],
    ])('is not started for a body that is too large, %s', async (_, fields) => {
      await nothingRuns();
      const socket = await connect();
      const answered = readUntil(socket, 'BODY_TOO_LARGE');
      socket.write(head('POST', `/${kind}/take`, `Content-Length: ${1024 * mebibyte + 1}`, ...fields));
      if (fields.length === 0) Readable.from(bytesOf(16 * mebibyte)).pipe(socket);
      expect(await answered).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close/);
      expect(await functions()).toEqual([]);
      socket.destroy();
    });

    it.each(['1.1', '1.0'])('whose instance is killed within its answer breaks it (HTTP/%s)', async (version) => {
      await nothingRuns();
      const socket = await connect();
      socket.write(`GET /${kind}/begin HTTP/${version}\r\nHost: a\r\n\r\n`);
      await readUntil(socket, 'begun');
      let failure: string | undefined;
      socket.once('error', ({ code }: NodeJS.ErrnoException) => (failure = code));
      const rest = readAll(socket);
      const [row] = await functions();
      process.kill(viewOf(daemon.dataFolder).firstProcess(row?.id ?? '')?.pid ?? 0, 'SIGKILL');
      expect(await rest).toBe('');
      // Where neither chunks nor a length tell, a reset does.
      expect(failure).toBe(version === '1.0' ? 'ECONNRESET' : undefined);
    });
  });

  it('DR-7 the time of a cgi function is over within its answer, which breaks; that of an http function ends where it begins', async () => {
    const page = await fetch(url('/hasty-page/tick'));
    expect(page.status).toBe(200);
    const lasting = await connect();
    lasting.write(head('GET', '/hasty-web/tick'));
    await expect(page.text()).rejects.toThrow('terminated');
    await delay(1000);
    await readUntil(lasting, 'tick');
    lasting.destroy();
    expect(await told('/hasty-page/tick')).toMatchObject([{ facts: { status: 200, error: 'REQUEST_TIMEOUT' } }]);
  });

  it('bodies go up and down through every kind, with and without a length, and the daemon stays as it is', async () => {
    // The first of them brings buffers and compiled code that stay; what must not be is that more of them bring more.
    for (const direction of directions)
      for (const kind of ['web', 'page'])
        await transfer(url(`/${kind}`), { direction, framing: 'chunked', bytes: 64 * mebibyte });
    const before = residentMb(daemon.pid);
    let largest = before;
    const looking = setInterval(() => (largest = Math.max(largest, residentMb(daemon.pid))), 20);
    for (const direction of directions)
      for (const framing of framings) {
        for (const kind of ['web', 'page'])
          await transfer(url(`/${kind}`), { direction, framing, bytes: 64 * mebibyte });
        await transfer(url('/served'), { direction, framing, bytes: 16 * mebibyte });
      }
    await transfer(url('/chore'), { direction: 'up', framing: 'chunked', bytes: 16 * mebibyte });
    clearInterval(looking);
    expect(largest - before).toBeLessThan(64);
  }, 240_000);

  it('an answer that ends with its connection is whole where its instance lives on, and broken where it was killed', async () => {
    const whole = await connect();
    whole.end(head('GET', '/web/give?bytes=1000000&open', 'Connection: close').replace('HTTP/1.1', 'HTTP/1.0'));
    expect(await bodyOf(whole)).toBe(await digestOfBytes(1_000_000));
    const torn = await fetch(url('/web/begin?open'));
    const [row] = await functions();
    process.kill(viewOf(daemon.dataFolder).firstProcess(row?.id ?? '')?.pid ?? 0, 'SIGKILL');
    await expect(torn.text()).rejects.toThrow('terminated');
    expect(await told('/web/begin?open')).toMatchObject([{ facts: { status: 200, error: 'UPSTREAM_FAILED' } }]);
  });

  it('answers of functions that close on a client that still sends arrive', async () => {
    const body = Buffer.alloc(4 * mebibyte);
    for (let count = 0; count < 20; count += 1) {
      const answer = await fetch(url(`/${count % 2 === 0 ? 'web' : 'served'}/slam`), { method: 'POST', body });
      expect(await statusAndText(answer)).toEqual([413, 'slam']);
    }
  });

  it('DR-9 a function that closes kept connections just when it likes loses no request that may be repeated', async () => {
    const asking = Array.from({ length: 8 }, async () => {
      for (let count = 0; count < 50; count += 1) {
        expect(await statusAndText(await fetch(url('/web/once')))).toEqual([200, 'ok']);
        await delay(Math.random() * 4);
      }
    });
    await Promise.all(asking);
  });

  it('requests that are sent ahead are answered one after the other, whatever kind they are for', async () => {
    const paths = ['/page/give?bytes=10', '/web/give?bytes=20', '/served/give?bytes=30', '/web/take', '/page/early'];
    const socket = await connect();
    socket.end(paths.map((path) => head('GET', path)).join(''));
    const answers = (await readAll(socket)).split('HTTP/1.1 200 OK').slice(1);
    const sizes = answers.map((answer) => /\r\n\r\n([0-9a-f]+)\r\n/.exec(answer)?.[1]);
    expect(sizes.slice(0, 3)).toEqual(['a', '14', '1e']);
    expect(answers[3]).toContain('"bytes":0');
    expect(answers[4]).toContain('early');
  });

  it('trailers go both ways', async () => {
    const headers = { Trailer: 'X-Sum', 'Transfer-Encoding': 'chunked' };
    const call = httpRequest(url('/web/sum'), { method: 'POST', headers });
    call.write('body');
    call.addTrailers({ 'X-Sum': '7' });
    call.end();
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    expect(Buffer.concat(await answer.toArray()).toString()).toBe('body');
    expect(answer.trailers).toEqual({ 'x-end': 'got 7' });
  });

  it('DR-6 a run whose caller goes within its input is cancelled', async () => {
    const socket = await connect();
    socket.write(head('POST', '/chore?gone', 'Content-Length: 9000000'));
    socket.write(Buffer.alloc(mebibyte));
    await expect.poll(functions, patient).toMatchObject([{ kind: 'task' }]);
    socket.destroy();
    expect(await told('/chore?gone')).toMatchObject([{ facts: { status: 499 } }]);
    await nothingRuns();
    const { runs } = await daemon.api.json<{ runs: { state: string }[] }>('runList', { query: { app } });
    expect(runs.filter(({ state }) => state === 'cancelled')).toHaveLength(1);
  });
});

const head = (method: string, path: string, ...fields: readonly string[]): string =>
  [`${method} ${path} HTTP/1.1`, 'Host: a', ...fields, '', ''].join('\r\n');

const chunk = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

/** The digest of the body of the one answer on this connection, which ends where its length says or with the connection. */
async function bodyOf(socket: Socket): Promise<string> {
  return await digestOf(body());

  async function* body(): AsyncGenerator<Buffer> {
    let text = '';
    let left: number | undefined;
    for await (const bytes of socket as AsyncIterable<Buffer>) {
      let part = bytes;
      if (left === undefined) {
        text += bytes.toString('latin1');
        const answer = text.indexOf('HTTP/1.1 200');
        const end = answer === -1 ? -1 : text.indexOf('\r\n\r\n', answer);
        if (end === -1) continue;
        left = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Infinity);
        part = Buffer.from(text.slice(end + 4), 'latin1');
      }
      yield part;
      left -= part.length;
      if (left === 0) return;
    }
  }
}
