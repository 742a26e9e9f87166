import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { honest, hostile } from '../../src/gateway/test/corpus/corpus.ts';
import { probe, type Reached } from '../../src/gateway/test/corpus/sent.ts';
import { sendRaw } from '../../src/gateway/test/raw-client.ts';
import { openStrictRecorder, type Recorder } from '../../src/gateway/test/recorder.ts';
import { openStand } from '../../src/gateway/test/stand.ts';
import { startHaproxy, type Haproxy } from './haproxy-host.ts';

describe.each([
  ['honest', honest],
  ['hostile', hostile],
])('of %s requests', (kind, corpus) => {
  const idleMs = 500;
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
    async ({ bytes, at }) => {
      await using behindMinke = await openStrictRecorder();
      await using stand = await openStand({
        routes: { '/': { name: 'web', kind: 'http' } },
        limits: { stallMs: idleMs, headersTimeoutMs: idleMs, keepAliveMs: idleMs, checkIntervalMs: 50 },
      });
      stand.capacity.programs.set('web', behindMinke.port);
      await Promise.all([sendRaw(haproxy.sockets[at] ?? '', bytes + probe), sendRaw(stand.port, bytes + probe)]);
      const [ours, theirs] = [behindMinke.requests, behindHaproxy[at]?.requests.map(withPath) ?? []];
      // Both have closed their connections: what let less through has refused the rest, and minke is never the laxer one.
      const both = Math.min(ours.length, theirs.length);
      expect(ours.slice(0, both)).toEqual(theirs.slice(0, both));
      expect(ours.length).toBeLessThanOrEqual(theirs.length);
      expect(ours.length).toBeGreaterThanOrEqual(kind === 'honest' ? theirs.length : 0);
    },
  );
});

/** HAProxy passes an address on as it came; minke its path. */
const withPath = ({ target, ...rest }: Reached): Reached => ({
  ...rest,
  target: target.replace(/^http:\/\/[^/]+/, ''),
});
