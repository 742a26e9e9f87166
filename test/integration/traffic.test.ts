import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { honest, hostile } from '../../src/gateway/test/corpus/corpus.ts';
import { mutate } from '../../src/gateway/test/corpus/mutate.ts';
import { seededBelow } from '../../src/model/seeded-random.fixture.ts';
import { probe, type Reached } from '../../src/gateway/test/corpus/sent.ts';
import { sendRaw } from '../../src/gateway/test/raw-client.ts';
import { openStrictRecorder, type Recorder } from '../../src/gateway/test/recorder.ts';
import { openStand, type Stand } from '../../src/gateway/test/stand.ts';
import type { InstanceRow } from '../../src/api/types.ts';
import type { TimelineEvent } from '../../src/model/timeline.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { startHaproxy, type Haproxy } from './haproxy-host.ts';
import { openEvents, openWebSocket } from './http-client.ts';
import { fixtureApp } from './isolation-fixtures.ts';

const app = 'traffic';
/** What both wait for bytes of a client. */
const idleMs = 500;

describe.each([
  ['honest', honest],
  ['hostile', hostile],
])('of %s requests', (kind, corpus) => {
  let behindHaproxy: readonly Recorder[];
  let haproxy: Haproxy;
  beforeAll(async () => {
    behindHaproxy = await Promise.all(corpus.map(openStrictRecorder));
    haproxy = await startHaproxy(
      behindHaproxy.map(({ port }) => port),
      idleMs,
    );
  });
  afterAll(async () => {
    await haproxy[Symbol.asyncDispose]();
    await Promise.all(behindHaproxy.map(async (one) => await one[Symbol.asyncDispose]()));
  });

  it.concurrent.each(corpus.map((sent, at) => ({ ...sent, at })))(
    'DR-9 minke and HAProxy never disagree on where "$name" ends',
    async ({ bytes, at, harmless }) => {
      await using behindMinke = await openStrictRecorder();
      await using stand = await openGateway(behindMinke.port);
      await Promise.all([sendRaw(haproxy.sockets[at] ?? '', bytes + probe), sendRaw(stand.port, bytes + probe)]);
      const [ours, theirs] = [behindMinke.requests, behindHaproxy[at]?.requests.map(withPath) ?? []];
      // Both have closed their connections: what let less through has refused the rest, and minke is not the laxer one.
      const both = Math.min(ours.length, theirs.length);
      expect(ours.slice(0, both)).toEqual(theirs.slice(0, both));
      expect(ours.length).toBeLessThanOrEqual(harmless === undefined ? theirs.length : ours.length);
      expect(ours.length).toBeGreaterThanOrEqual(kind === 'honest' ? theirs.length : 0);
    },
  );
});

it('DR-9 300 random changes of these do not make minke and HAProxy disagree on where a request ends', async () => {
  const all = [...honest, ...hostile].map(({ bytes }) => bytes).filter(({ length }) => length < 1000);
  const lanes = await Promise.all(Array.from({ length: 20 }, openStrictRecorder));
  await using haproxy = await startHaproxy(
    lanes.map(({ port }) => port),
    idleMs,
  );
  const disagreements: unknown[] = [];
  let passed = 0;
  const drive = async (behindHaproxy: Recorder, lane: number): Promise<void> => {
    for (let seed = lane; seed < 300; seed += lanes.length) {
      const random = seededBelow(seed);
      const bytes = mutate(all[random(all.length)] ?? '', all, random) + probe;
      const before = behindHaproxy.requests.length;
      await using behindMinke = await openStrictRecorder();
      await using stand = await openGateway(behindMinke.port);
      await Promise.all([sendRaw(haproxy.sockets[lane] ?? '', bytes), sendRaw(stand.port, bytes)]);
      const [ours, theirs] = [behindMinke.requests, behindHaproxy.requests.slice(before).map(withPath)];
      const both = Math.min(ours.length, theirs.length);
      const isSame = isDeepStrictEqual(ours.slice(0, both), theirs.slice(0, both));
      passed += ours.length;
      if (!isSame || behindMinke.slips.length > 0)
        disagreements.push({ seed, bytes, ours, theirs, slips: behindMinke.slips });
    }
  };
  await Promise.all(lanes.map(drive));
  await Promise.all(lanes.map(async (one) => await one[Symbol.asyncDispose]()));
  expect(disagreements).toEqual([]);
  expect(passed, 'requests that were let through').toBeGreaterThan(20);
});

describe('traffic of every kind', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon();
    await daemon.up(fixtureApp(app));
  });
  afterAll(async () => {
    expect(await daemon.purge(), 'left on the host').toEqual([]);
  });

  const patient = { timeout: 20_000, interval: 50 };
  const kept = async (): Promise<readonly InstanceRow[]> => {
    const { instances } = await daemon.api.json<{ instances: InstanceRow[] }>('instances', { query: { app } });
    return instances.filter(({ name }) => name === 'kept');
  };
  const rests = async (): Promise<void> => await expect.poll(kept, patient).toEqual([]);
  const events = async (kind: string, name: string): Promise<readonly TimelineEvent[]> => {
    const all: TimelineEvent[] = [];
    for await (const event of daemon.api.lines<TimelineEvent>('events', { query: { app } })) all.push(event);
    return all.filter((event) => event.kind === kind && event.name === name);
  };
  const starts = async (): Promise<number> => (await events('instance.started', 'kept')).length;
  /** From inside the app. */
  const talk = async (path: string, body = ''): Promise<string> =>
    await (await fetch(`${daemon.gateway}/talk/${path}`, { method: 'POST', body })).text();
  const say = async (text: string): Promise<readonly string[]> =>
    (await talk('tcp?to=kept:7000', `${text}\n`)).trim().split(' ');

  it('CO-6 a TCP service rests until its first connection, which is held, bytes and all, until it is ready; it rests again when it has had none', async () => {
    expect([await kept(), await starts()]).toEqual([[], 0]);
    const [greeting, instance, lines] = await say('first');
    expect([greeting, lines]).toEqual(['hello', '1']);
    expect(await kept()).toMatchObject([{ id: instance, kind: 'service' }]);
    expect(await daemon.up(fixtureApp(app))).toEqual({ changed: false });
    await rests();
    const again = await say('second');
    expect([again[1] === instance, again[2]]).toEqual([false, '2']);
    await rests();
    expect(await daemon.up(fixtureApp(app))).toEqual({ changed: false });
    expect(await starts()).toBe(2);
  });

  it('CO-6 ten first connections at once are held for one start, and a connection without bytes holds it beyond its idle time', async () => {
    await rests();
    const before = await starts();
    const waiting = say('wait');
    const answers = await Promise.all(Array.from({ length: 9 }, async (_, at) => await say(`line ${at}`)));
    expect(new Set([...answers, await waiting].map(([, instance]) => instance)).size).toBe(1);
    expect((await starts()) - before).toBe(1);
  });

  it('CO-6 a connection to another port of it is refused and ends nobody else', async () => {
    await rests();
    const waiting = say('wait');
    await expect.poll(kept, patient).toHaveLength(1);
    const [running] = await kept();
    expect(await talk('tcp?to=kept:7001', 'x\n')).toBe('ECONNRESET');
    expect((await waiting)[1]).toBe(running?.id);
  });

  it('CO-6 it is started anew by the next connection when it has crashed, and a route leads to it too', async () => {
    await say('die');
    const [, instance] = await say('alive');
    const answer = await fetch(`${daemon.gateway}/kept`);
    expect([answer.status, (await answer.text()).trim()]).toEqual([200, instance]);
    await rests();
    const woken = await fetch(`${daemon.gateway}/kept`);
    expect((await woken.text()).trim()).toBe((await kept())[0]?.id);
  });

  it('CO-6 it lives through kill -9 of the daemon, and rests after it as before', async () => {
    await daemon.up(fixtureApp(app), { environment: { IDLE: '1m' } });
    const [, instance] = await say('before');
    await daemon.end('SIGKILL');
    await daemon.restart();
    expect((await say('after'))[1]).toBe(instance);
    await daemon.up(fixtureApp(app));
    await rests();
  });

  it('CO-6 a changed one is ended by `up`, and what is started next is the new one', async () => {
    const [, instance] = await say('old');
    expect(await daemon.up(fixtureApp(app), { environment: { GREETING: 'bye' } })).toEqual({ changed: true });
    expect((await kept()).map(({ id }) => id)).not.toContain(instance);
    expect((await say('new'))[0]).toBe('bye');
  });

  it.each([
    ['a service', 'served:8000'],
    ['an http function', 'web'],
  ])('events and WebSockets of %s arrive by its name inside the app', async (_, place) => {
    expect(await talk(`events?of=http://${place}/events`)).toMatch(/^data: \w+ 1\n\ndata: \w+ 2\n\ndata: \w+ 3\n\n$/);
    expect(await talk(`websocket?of=ws://${place}/any`, 'hello')).toBe('hello');
  });

  it('events and WebSockets of a service arrive by its route', async () => {
    const url = `${daemon.gateway}/served`;
    const stream = await openEvents(`${url}/events`);
    expect([await stream.next(), await stream.next()].join('')).toMatch(/ 1\n\n[^]* 2\n\n$/);
    stream.close();
    const socket = await openWebSocket(`${url}/any`);
    expect([await socket.say('hello'), await socket.say('again')]).toEqual(['hello', 'again']);
    socket.close();
  });

  it('handlers that are slower than their time-out do not make an instance hang: it works on and answers the next', async () => {
    const url = `${daemon.gateway}/hasty`;
    const self = async (): Promise<{ instance: string }> => (await (await fetch(url)).json()) as { instance: string };
    // Its start may take longer than its requests have.
    await expect.poll(self, patient).toMatchObject({ name: 'hasty' });
    const before = await self();
    const late = Array.from({ length: 3 }, async () => (await fetch(`${url}/hold?ms=2000`)).status);
    expect(await Promise.all(late)).toEqual([504, 504, 504]);
    expect((await self()).instance).toBe(before.instance);
    expect(await events('function.hangs', 'hasty')).toEqual([]);
  });
});

async function openGateway(port: number): Promise<Stand> {
  const stand = await openStand({
    routes: { '/': { name: 'web', kind: 'http', timeoutMs: 2 * idleMs } },
    limits: { stallMs: idleMs, headersTimeoutMs: idleMs, keepAliveMs: idleMs, lingerMs: idleMs, checkIntervalMs: 50 },
  });
  stand.capacity.programs.set('web', port);
  return stand;
}

/** HAProxy passes an address on as it came; minke its path. */
const withPath = ({ target, ...rest }: Reached): Reached => ({
  ...rest,
  target: target.replace(/^http:\/\/[^/]+/, ''),
});
