import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  callCgi,
  databaseEnv,
  freePort,
  openDoor,
  startDatabase,
  startRecordVote,
  type Database,
  type Door,
  type Ended,
} from './voting-parts.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'minke-voting-'));
let database: Database;
let door: Door;

beforeAll(async () => {
  database = await startDatabase(join(folder, 'data'));
  door = await openDoor(join(folder, 'door.sock'), database.env);
});

afterAll(async () => {
  door.close();
  await database.end('SIGTERM');
  rmSync(folder, { recursive: true });
});

const record = (voter: string, choice: string, env: Record<string, string> = {}): Promise<Ended> =>
  startRecordVote([voter, choice], { ...database.env, ...env }).ended;

async function counts(): Promise<{ a: number; b: number; total: number }> {
  return JSON.parse((await callCgi('result', { path: '/votes', env: database.env })).body);
}

/** What `action` changes in the counts. */
async function changeOf(action: () => Promise<unknown>): Promise<{ a: number; b: number }> {
  const before = await counts();
  await action();
  const after = await counts();
  return { a: after.a - before.a, b: after.b - before.b };
}

describe('result', () => {
  it('counts nothing before the first vote has made the table', async () => {
    expect(await counts()).toMatchObject({ a: 0, b: 0, total: 0, labels: { a: 'Cats', b: 'Dogs' } });
  });

  it('says that it cannot count while there is no database', async () => {
    const env = databaseEnv(await freePort());
    expect((await callCgi('result', { path: '/votes', env })).status).toBe(503);
    const page = await callCgi('result', { env });
    expect(page.status).toBe(200);
    expect(page.body).toContain('Waiting for the database');
  });

  it('shows options as text, whatever they are', async () => {
    const { body } = await callCgi('result', {
      env: { ...database.env, OPTION_A: '<b>Tea</b>', OPTION_B: 'Coffee & milk' },
    });
    expect(body).toContain('&lt;b&gt;Tea&lt;/b&gt;');
    expect(body).toContain('Coffee &amp; milk');
    expect(body).not.toContain('<b>Tea');
  });

  it('has nothing elsewhere, and takes nothing', async () => {
    expect((await callCgi('result', { path: '/elsewhere' })).status).toBe(404);
    expect((await callCgi('result', { method: 'POST' })).status).toBe(405);
  });
});

describe('record-vote', () => {
  it('makes the table once though many come first at once', async () => {
    const change = await changeOf(async () => {
      const all = await Promise.all(
        ['1', '2', '3', '4', '5', '6', '7', '8'].map((voter) => record(`first-${voter}`, 'a')),
      );
      expect(all).toEqual(all.map((_, index) => ({ code: 0, stdout: `first-${index + 1} voted a\n`, stderr: '' })));
    });
    expect(change).toEqual({ a: 8, b: 0 });
  });

  it('counts one vote for each voter: a vote again replaces', async () => {
    const change = await changeOf(async () => {
      await record('changing', 'a', { VOTED_AT: '1000' });
      await record('changing', 'b', { VOTED_AT: '2000' });
    });
    expect(change).toEqual({ a: 0, b: 1 });
  });

  it('keeps the later vote though the earlier is recorded last, and changes nothing when a run is tried again', async () => {
    const change = await changeOf(async () => {
      await record('late', 'b', { VOTED_AT: '2000' });
      await record('late', 'a', { VOTED_AT: '1000' });
      await record('late', 'b', { VOTED_AT: '2000' });
    });
    expect(change).toEqual({ a: 0, b: 1 });
  });

  it('takes any text for a voter as text', async () => {
    const voter = `o'neil"; DROP TABLE votes; -- $HOME \\ :x`;
    const change = await changeOf(async () => {
      expect(await record(voter, 'a')).toMatchObject({ code: 0, stdout: `${voter} voted a\n` });
    });
    expect(change).toEqual({ a: 1, b: 0 });
  });

  it('waits for a database that is still booting', async () => {
    const port = await freePort();
    const recording = startRecordVote(['patient', 'a'], { ...database.env, PGPORT: String(port) });
    if (recording.child.stderr !== null) await once(recording.child.stderr, 'data'); // refused once
    const forwarder = createServer((socket) => socket.pipe(connect(database.port, '127.0.0.1')).pipe(socket));
    forwarder.listen(port, '127.0.0.1');
    expect(await recording.ended).toMatchObject({ code: 0, stdout: 'patient voted a\n' });
    forwarder.close();
  });

  it('refuses what is not a vote, with an exit code of its own', async () => {
    expect(await record('voter', 'c')).toMatchObject({
      code: 65,
      stderr: 'record-vote: the vote is "c", not a or b\n',
    });
    expect(await startRecordVote(['voter'], {}).ended).toMatchObject({
      code: 64,
      stderr: 'Usage: record-vote VOTER a|b\n',
    });
  });
});

describe('vote', () => {
  it('shows the options, and who made the page', async () => {
    const { status, body } = await callCgi('vote', { env: { OPTION_A: 'Tea', OPTION_B: 'R&B' } });
    expect(status).toBe(200);
    expect(body).toContain('Tea or R&amp;B?');
    expect(body).toMatch(/Processed by container <code>[\w.-]+<\/code>/);
    expect(body).not.toContain('Your vote');
  });

  it('starts record-vote with a stock Docker client, and the vote is counted', async () => {
    const change = await changeOf(async () => {
      const answer = await callCgi('vote', { method: 'POST', body: 'vote=a', env: door.env });
      expect(answer.status).toBe(200);
      expect(answer.body).toContain('Thank you!');
      const voter = /^voter_id=([0-9a-f]{16});/.exec(answer.cookies[0] ?? '')?.[1];
      expect(door.created.at(-1)).toMatchObject({
        Image: 'record-vote',
        Cmd: [voter, 'a'],
        Env: [expect.stringMatching(/^VOTED_AT=\d+$/)],
      });
      expect(await door.recordings.at(-1)?.ended).toMatchObject({ code: 0 });
    });
    expect(change).toEqual({ a: 1, b: 0 });
  });

  it('knows a voter again, who changes the vote', async () => {
    const change = await changeOf(async () => {
      for (const choice of ['a', 'b']) {
        await callCgi('vote', {
          method: 'POST',
          body: `vote=${choice}`,
          cookie: 'x=1; voter_id=known-voter',
          env: door.env,
        });
        await door.recordings.at(-1)?.ended;
      }
    });
    expect(change).toEqual({ a: 0, b: 1 });
    expect(door.created.at(-1)?.Cmd).toEqual(['known-voter', 'b']);
  });

  it('shows the choice that a voter made before', async () => {
    const { body } = await callCgi('vote', { cookie: 'choice=b' });
    expect(body).toMatch(/value="b" aria-pressed="true"/);
    expect(body).toContain('You voted for');
  });

  it('gives a new id to a voter whose id is not one of its own', async () => {
    const answer = await callCgi('vote', {
      method: 'POST',
      body: 'vote=a',
      cookie: 'voter_id=<script>',
      env: door.env,
    });
    await door.recordings.at(-1)?.ended;
    expect(answer.cookies[0]).toMatch(/^voter_id=[0-9a-f]{16};/);
  });

  it('says so when the vote could not be taken, and leaves the choice as it was', async () => {
    const env = { DOCKER_HOST: `unix://${join(folder, 'nobody.sock')}` };
    const answer = await callCgi('vote', { method: 'POST', body: 'vote=a', cookie: 'choice=b', env });
    expect(answer).toMatchObject({ status: 502, cookies: [] });
    expect(answer.body).toContain('Your vote was not taken');
  });

  it('refuses what is not a vote', async () => {
    for (const body of ['vote=c', 'x=a', `vote=a&${'x'.repeat(2000)}`]) {
      expect((await callCgi('vote', { method: 'POST', body, env: door.env })).status).toBe(400);
    }
    expect((await callCgi('vote', { path: '/elsewhere' })).status).toBe(404);
    expect((await callCgi('vote', { method: 'DELETE' })).status).toBe(405);
  });
});

describe('db', () => {
  it('closes on SIGTERM, and loses nothing by it or by a kill', async () => {
    await record('durable', 'b');
    const before = await counts();
    expect(await database.end('SIGTERM')).toBe(0);
    database = await startDatabase(join(folder, 'data'));
    expect(await counts()).toMatchObject({ total: before.total });
    await record('durable-too', 'b');
    expect(await database.end('SIGKILL')).toBeNull();
    database = await startDatabase(join(folder, 'data'));
    expect(await counts()).toMatchObject({ total: before.total + 1 });
  });
});
