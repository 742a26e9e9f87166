import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DockerEngine } from '../../scripts/bench/docker-engine.ts';
import { hasProgram } from '../../src/engines/local/host/program.ts';
import type { TestDaemon } from './daemon.ts';
import { begunIn } from './docker-subject.ts';
import { startOnDocker, type OnEngine } from './on-engine.ts';
import { castVote, readResult, settledRuns, votingFile } from './voting-app.ts';

const whyNot = hasProgram('dockerd') && hasProgram('docker') ? '' : ' (Docker is not installed)';

let docker: DockerEngine;
let daemon: TestDaemon;
let purge: OnEngine['purge'];

/** By the service or function that it is of. */
const inDocker = async (): Promise<readonly string[]> =>
  (await docker.docker(['ps', '--filter', 'label=minke.role=instance', '--format', '{{.Label "minke.name"}}']))
    .split('\n')
    .filter((line) => line !== '')
    .toSorted();

async function vote(): Promise<void> {
  const before = await readResult(daemon.gateway);
  const first = await Promise.all(
    ['a', 'a', 'b'].map(async (side) => await castVote(daemon.gateway, side as 'a' | 'b')),
  );
  expect((await settledRuns(daemon.api)).filter(({ state }) => state !== 'succeeded')).toEqual([]);
  const counted = await readResult(daemon.gateway);
  expect(counted).toMatchObject({ a: before.a + 2, b: before.b + 1, total: before.total + 3 });
  const again = await castVote(daemon.gateway, 'b', first[0]?.cookies);
  expect((await settledRuns(daemon.api)).filter(({ state }) => state !== 'succeeded')).toEqual([]);
  const recounted = await readResult(daemon.gateway);
  expect(recounted).toMatchObject({ a: before.a + 1, b: before.b + 2, total: before.total + 3 });
  const containers = [before, ...first, counted, again, recounted].map(({ container }) => container);
  expect(new Set(containers).size, 'processed by').toBe(containers.length);
}

describe.skipIf(whyNot !== '')(`the voting example with --engine docker${whyNot}`, () => {
  beforeAll(async () => {
    ({ daemon, docker, purge } = await startOnDocker());
    await daemon.up(votingFile);
  });

  afterAll(async () => {
    expect(await purge(), 'left on the host').toEqual([]);
  });

  it('DR-15 counts votes, a re-vote replaces, each request has a container of its own; only what stays is on Docker', async () => {
    expect(await begunIn(docker, vote)).toEqual([]);
    expect(await inDocker()).toEqual(['db']);
  });

  it('DR-15 takes up what is on Docker and what is on the sandbox after kill -9, each once', async () => {
    const rows = async (): Promise<string> => (await daemon.cli(['ps', '--format', 'json'])).stdout;
    const before = /"id":"\w+"/.exec(await rows())?.[0];
    await daemon.end('SIGKILL');
    await daemon.restart();
    expect(/"id":"\w+"/.exec(await rows())?.[0]).toBe(before);
    await vote();
    expect(await inDocker()).toEqual(['db']);
  });
});
