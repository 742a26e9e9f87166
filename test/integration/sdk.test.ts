import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMinke, type Minke } from '../../src/sdk/minke.ts';
import type { Self } from '../../src/sdk/self.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { fixtureApp } from './isolation-fixtures.ts';

let daemon: TestDaemon;
let minke: Minke;

beforeAll(async () => {
  daemon = await startDaemon();
  await daemon.up(fixtureApp('sdk'));
  minke = createMinke(daemon.api, 'sdk');
});

afterAll(async () => {
  expect(await daemon.purge(), 'left on the host').toEqual([]);
});

describe.each(['page', 'server'])('DR-9 a handler as %s', (name) => {
  const ask = async (path: string): Promise<Response> =>
    await fetch(`${daemon.gateway}/${name}${path}`, { method: 'POST', body: '{"x":[1]}' });

  it('gets the request below its route and answers it', async () => {
    const answer = await ask('/a%20b?name=n');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([201, 'application/json']);
    expect(await answer.json()).toEqual({ method: 'POST', path: '/a b', name: 'n', body: { x: [1] } });
  });

  it('fails with 500, whose reason stays inside', async () => {
    const answer = await ask('/fails');
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('reason stays');
  });
});

describe('self', () => {
  it('tells a task who it is, who asked for it, and whom it started', async () => {
    const text = await minke.run('family', ['parent']);
    const { run, parent, child, after } = JSON.parse(text) as Record<'parent' | 'child' | 'after', Self> & {
      run: string;
    };
    expect(parent).toMatchObject({ app: 'sdk', name: 'family', kind: 'task', load: { running: 2, waiting: 0 } });
    expect(parent.children).toEqual([{ id: run, name: 'family', state: 'running' }]);
    expect(child).toMatchObject({ parent: parent.instance, children: [] });
    expect(parent.siblings.map(({ id }) => id)).toEqual([child.instance]);
    expect(child.siblings.map(({ id }) => id)).toEqual([parent.instance]);
    expect(after).toMatchObject({ children: [], siblings: [], load: { running: 1 } });
  });

  it('is nothing that anybody else has', async () => {
    await expect(minke.self()).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});
