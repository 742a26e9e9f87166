import { once } from 'node:events';
import { request as httpRequest, type ClientRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { openStand, type Stand } from './stand.ts';

const routes = {
  '/': { name: 'page', kind: 'cgi' },
  '/work': { name: 'work', kind: 'task' },
} as const;

/** A body of which one byte has been sent and read. */
async function beginBody(stand: Stand): Promise<ClientRequest> {
  const begun = httpRequest(`${stand.url}/_minke/async/work`, {
    method: 'POST',
    headers: { expect: '100-continue', 'content-length': 2 },
  });
  begun.on('error', () => undefined);
  begun.flushHeaders();
  await once(begun, 'continue');
  begun.write('a');
  return begun;
}

describe('a call that is to be made later', () => {
  it('is accepted with its body in whole, and its bodies are so many at once', async () => {
    await using stand = await openStand({ routes, limits: { laterBodies: 1 } });
    stand.capacity.programs.set('work', 'cat');
    const begun = await beginBody(stand);
    const refused = await fetch(`${stand.url}/_minke/async/work`, { method: 'POST' });
    expect([refused.status, refused.headers.get('minke-error')]).toEqual([503, 'QUEUE_FULL']);
    expect(stand.capacity.started).toHaveLength(0);
    begun.end('b');
    const [answer] = (await once(begun, 'response')) as [{ statusCode: number; headers: Record<string, string> }];
    expect(answer.statusCode).toBe(202);
    expect(answer.headers['minke-run']).toBe(stand.capacity.started[0]?.id);
    expect((await fetch(`${stand.url}/_minke/async/work`, { method: 'POST' })).status).toBe(202);
  });

  it('is nothing when its body breaks off, or is too large though nothing said so', async () => {
    await using stand = await openStand({ routes, limits: { laterBytes: 100 } });
    (await beginBody(stand)).destroy();
    expect(await stand.nextRecord('work')).toMatchObject({ status: 499 });
    const body = new ReadableStream({
      start: (controller) => {
        controller.enqueue(Buffer.alloc(101));
        controller.close();
      },
    });
    const large = await fetch(`${stand.url}/_minke/async/work`, {
      method: 'POST',
      body,
      duplex: 'half',
    });
    expect(large.status).toBe(413);
    expect(stand.capacity.started).toHaveLength(0);
  });

  it("has a path of the platform's own, whichever route an app has", async () => {
    await using stand = await openStand({ routes });
    for (const path of ['/_minke/async', '/_minke/ASYNC/work', '//_minke/async/work', '/_minke/async/_handoff/x']) {
      expect([path, (await fetch(`${stand.url}${path}`, { method: 'POST' })).status]).toEqual([path, 404]);
    }
    expect(stand.capacity.started).toHaveLength(0);
  });
});
