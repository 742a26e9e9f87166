import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { openStand, type Stand } from './stand.ts';

async function openSum(script: string): Promise<Stand> {
  const stand = await openStand({ routes: { '/sum': { name: 'sum', kind: 'task' } } });
  stand.capacity.programs.set('sum', script);
  return stand;
}

describe('a task that is called over HTTP', () => {
  it('DR-9 gets the body on stdin and ?arg= as arguments, and its stdout is the answer', async () => {
    await using stand = await openSum('echo "$1-$2"; cat');
    const answer = await fetch(`${stand.url}/sum?arg=a%20b&arg=c&other=d`, { method: 'POST', body: 'input' });
    expect([answer.status, await answer.text()]).toEqual([200, 'a b-c\ninput']);
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(answer.headers.get('minke-run')).toBe(stand.capacity.started[0]?.id);
  });

  it('DR-13 answers JSON as JSON', async () => {
    await using stand = await openSum('cat');
    const answer = await fetch(`${stand.url}/sum`, { method: 'POST', body: '{"n":1}' });
    expect([answer.headers.get('content-type'), await answer.json()]).toEqual(['application/json', { n: 1 }]);
  });

  it('DR-13 is a 502 with the id of its run when it fails, and never an empty answer', async () => {
    await using stand = await openSum('echo partial; exit 3');
    const answer = await fetch(`${stand.url}/sum`);
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({ error: { code: 'RUN_FAILED', facts: { exitCode: 3 } } });
    expect(answer.headers.get('minke-run')).toBe(stand.capacity.started[0]?.id);
  });

  it('answers nothing with an empty body', async () => {
    await using stand = await openSum('exit 0');
    const answer = await fetch(`${stand.url}/sum`);
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  it('can be called by name through another server, such as that of the API', async () => {
    await using stand = await openSum('echo "$1"; cat');
    const server = createServer((request, response) => {
      stand.gateway.handleCall(request, response, { app: 'shop', name: 'sum', url: '/?arg=x' });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/minke/v1/call/sum`, { method: 'POST', body: 'y' });
    expect([answer.status, await answer.text()]).toEqual([200, 'x\ny']);
    server.closeAllConnections();
    server.close();
  });
});
