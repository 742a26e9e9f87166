import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { dockerCli, type DockerResult } from '../../src/dockerapi/docker-cli.fixture.ts';
import { hasProgram } from '../../src/engines/local/host/program.ts';
import type { AppModel } from '../../src/model/app.ts';
import type { TestDaemon } from './daemon.ts';
import { startOn, type OnEngine } from './on-engine.ts';
import { isWhole } from './whole.ts';
import { castVote, readResult, settledRuns, votingFile } from './voting-app.ts';

const labelled = join(dirname(votingFile), 'compose.labels.yaml');
/** For what is looked for until it is so: often, and long enough for a machine that is busy with something else. */
const patiently = { interval: 100, timeout: 90_000 };
vi.setConfig({ testTimeout: 180_000 });

const isThere = ['docker-compose', 'docker', 'dockerd'].every(hasProgram);
const whyNot = isThere ? '' : ' (it is not installed)';

// The soak `engines` shows it on a Docker Engine too.
const engines = isWhole ? (['sandbox', 'docker'] as const) : (['sandbox'] as const);

describe.skipIf(!isThere).each(engines)(`stock docker-compose with the engine %s${whyNot}`, (engine) => {
  let daemon: TestDaemon;
  let purge: OnEngine['purge'];
  beforeAll(async () => {
    ({ daemon, purge } = await startOn(engine));
    expect(await daemon.cli(['build', '-f', votingFile])).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    expect(await purge(), 'left on the host').toEqual([]);
  });

  const at = async (program: string, ...args: string[]): Promise<DockerResult> =>
    await dockerCli(join(daemon.dataFolder, 'minke.sock'), program)(args);
  const compose = async (...args: string[]): Promise<DockerResult> => {
    const named = ['--project-name', 'voting', '--file', labelled];
    return await at('docker-compose', ...named, '--ansi', 'never', ...args);
  };
  const listed = async (): Promise<readonly string[]> =>
    (await at('docker', 'ps', '--no-trunc', '--filter', 'label=com.docker.compose.project=voting', '--quiet')).out
      .split('\n')
      .filter((line) => line !== '')
      .toSorted();
  const countsOf = async (): Promise<object> => {
    const { a, b } = await readResult(daemon.gateway);
    return { a, b };
  };

  it('CS-1 DR-15 starts the voting app from labels; votes are counted, each by a container of its own, and a re-vote replaces', async () => {
    expect(await compose('up', '--detach')).toMatchObject({ code: 0 });
    await expect
      .poll(async () => (await at('docker', 'logs', 'voting_db_1')).out, patiently)
      .toContain('ready on port');
    const votes = await Promise.all((['a', 'b', 'a'] as const).map(async (one) => await castVote(daemon.gateway, one)));
    const again = await castVote(daemon.gateway, 'b', votes[0]?.cookies);
    const runs = await settledRuns(daemon.api);
    expect(runs.map(({ state }) => state)).toEqual(Array.from({ length: 4 }, () => 'succeeded'));
    expect(await countsOf()).toEqual({ a: 1, b: 2 });
    const answered = [...votes, again];
    expect(answered.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(new Set(answered.map(({ container }) => container)).size).toBe(4);
  });

  it('CS-1 shows functions as containers that run, and what their instances have written', async () => {
    const { out } = await compose('ps');
    for (const service of ['vote', 'record-vote', 'result', 'db'])
      expect(out).toMatch(new RegExp(`voting_${service}_1 .*Up`));
    const { out: written } = await compose('logs', '--no-color', 'record-vote', 'db');
    expect(written).toMatch(/^record-vote_1 .*voted a$/m);
    expect(written).toMatch(/^db_1 .*ready on port 5432/m);
    expect(await compose('exec', '-T', 'db', 'node', '-e', 'console.log(process.env.MINKE_APP)')).toMatchObject({
      code: 0,
      out: 'voting\n',
    });
    const { code, err } = await compose('exec', '-T', 'vote', 'true');
    expect([code, err]).toEqual([1, expect.stringContaining('it stands for a function')]);
  });

  it('CS-1 changes nothing when it is brought up again', async () => {
    const before = await listed();
    expect(before).toHaveLength(4);
    expect(await compose('up', '--detach')).toMatchObject({ code: 0, err: expect.stringContaining('is up-to-date') });
    expect(await listed()).toEqual(before);
  });

  it.skipIf(engine === 'docker')(
    'CS-1 stops, starts and restarts functions (not shown on a Docker Engine: nothing of it is its affair)',
    async () => {
      const statusOf = async (path: string): Promise<number> => (await fetch(`${daemon.gateway}${path}`)).status;
      const followed = at('docker', 'logs', '--follow', 'voting_vote_1');
      expect(await compose('stop', 'vote')).toMatchObject({ code: 0 });
      expect(await followed, 'it ends with the function').toMatchObject({ code: 0 });
      expect([await statusOf('/vote'), await statusOf('/result')]).toEqual([404, 200]);
      expect((await compose('ps', 'vote')).out).toMatch(/voting_vote_1 .*Exit 0/);
      expect(await compose('start', 'vote')).toMatchObject({ code: 0 });
      expect(await statusOf('/vote')).toBe(200);
      expect(await compose('restart', 'vote', 'result')).toMatchObject({ code: 0 });
      expect([await statusOf('/vote'), await statusOf('/result')]).toEqual([200, 200]);
    },
  );

  it('CS-1 stops, starts and restarts all of it, and no vote is lost', async () => {
    const before = await countsOf();
    for (const verbs of [['restart'], ['stop', 'start']]) {
      for (const verb of verbs) expect(await compose(verb)).toMatchObject({ code: 0 });
      await expect.poll(countsOf, patiently).toEqual(before);
    }
  });

  it.skipIf(engine === 'docker')(
    'CS-1 is all there after kill -9 of the daemon (not shown on a Docker Engine, for its time)',
    async () => {
      const [before, counts] = [await listed(), await countsOf()];
      await daemon.end('SIGKILL');
      await daemon.restart();
      expect(await listed()).toEqual(before);
      await expect.poll(countsOf, patiently).toEqual(counts);
      await castVote(daemon.gateway, 'a');
      await settledRuns(daemon.api);
      expect(await countsOf()).not.toEqual(counts);
    },
  );

  it('CS-1 leaves nothing when it is taken down with its volumes', async () => {
    expect(await compose('down', '--volumes')).toMatchObject({ code: 0 });
    const left = [
      (await at('docker', 'ps', '--all', '--quiet', '--filter', 'label=com.docker.compose.project=voting')).out,
      (await at('docker', 'network', 'ls', '--quiet', '--filter', 'type=custom')).out,
      (await at('docker', 'volume', 'ls', '--quiet')).out,
    ];
    expect(left).toEqual(['', '', '']);
    expect((await daemon.api.json<{ apps: AppModel[] }>('apps')).apps).toEqual([]);
    expect((await fetch(`${daemon.gateway}/vote`)).status).toBe(404);
    expect(daemon.log()).not.toMatch(/"level":"error"/);
  });
});
