import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DockerEngine } from '../../scripts/bench/docker-engine.ts';
import type { InstanceRow, RunRequest } from '../../src/api/types.ts';
import { hasProgram } from '../../src/engines/local/host/program.ts';
import type { Run } from '../../src/model/run.ts';
import { createRuns, type Runs } from '../../src/sdk/runs.ts';
import type { TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';
import { fixtureApp } from './isolation-fixtures.ts';
import { startOnDocker, type OnEngine } from './on-engine.ts';

const whyNot = hasProgram('dockerd') && hasProgram('docker') ? '' : ' (Docker is not installed)';
/** Only there to end what hangs. */
const patient = { timeout: 120_000, interval: 100 };

let docker: DockerEngine;
let daemon: TestDaemon;
let purge: OnEngine['purge'];
let runs: Runs;
let folder: string;

describe.skipIf(whyNot !== '')(`a daemon on a Docker Engine, both killed under load${whyNot}`, () => {
  beforeAll(async () => {
    ({ daemon, docker, purge } = await startOnDocker());
    runs = createRuns(daemon.api);
    folder = mkdtempSync(join(tmpdir(), 'minke-kills-'));
    writeFileSync(join(folder, 'began'), '');
    await loadBusybox(daemon, ['busybox']);
    await daemon.up(fixtureApp('cli'));
  });

  afterAll(async () => {
    const left = await purge();
    rmSync(folder, { recursive: true });
    expect(left, 'left on the host').toEqual([]);
  });

  it('CO-6 settles every accepted run once, starts nothing twice, and has its service again', async () => {
    const script = 'echo "$MINKE_RUN $MINKE_ATTEMPT" >> /there/began; sleep 0.3; echo done';
    const mounts = [{ type: 'bind', source: folder, target: '/there', readOnly: false }] as const;
    const onDocker: RunRequest = { target: { image: 'busybox' }, args: ['sh', '-c', script], options: { mounts } };
    const onSandbox: RunRequest = {
      app: 'cli',
      target: { function: 'shell' },
      args: ['-c', script],
      options: { mounts },
    };
    const load = keepCalling([onDocker, onDocker, onSandbox]);
    await load.more(3);
    await docker.restart('SIGKILL');
    await load.more(4);
    await daemon.end('SIGKILL');
    await daemon.restart();
    await load.more(4);
    await daemon.end('SIGKILL');
    await docker.restart('SIGKILL');
    await daemon.restart();
    await load.more(3);
    const accepted = await load.end();

    const settled = await Promise.all(accepted.map(async (id) => await runs.wait(id)));
    expect(settled.filter(({ state }) => state !== 'succeeded' && state !== 'failed')).toEqual([]);
    const began = readFileSync(join(folder, 'began'), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    expect(began.toSorted(), 'no attempt began twice').toEqual([...new Set(began)].toSorted());
    for (const { id } of settled.filter(({ state }) => state === 'succeeded')) {
      expect(began.filter((line) => line.startsWith(id)).length, `${id} began`).toBeGreaterThan(0);
      expect((await runs.result(id)).toString()).toBe('done\n');
    }
    expect(settled.filter(({ state }) => state === 'succeeded').length).toBeGreaterThan(settled.length / 2);

    await expect.poll(async () => await living(), patient).toEqual(['web']);
    await expect.poll(async () => await inDocker(), patient).toEqual(['web']);
    expect(await (await fetch(`${daemon.gateway}/web/index.html`)).text()).toBe('whale\n');
    expect(await (await fetch(`${daemon.gateway}/page`)).text()).toBe('{"path":"","sent":null}');
  });
});

const living = async (): Promise<readonly string[]> =>
  (await daemon.api.json<{ instances: InstanceRow[] }>('instances')).instances.map(({ name }) => name);

/** By the service that it is of. */
const inDocker = async (): Promise<readonly string[]> =>
  (await docker.docker(['ps', '--filter', 'label=minke.role=instance', '--format', '{{.Label "minke.name"}}']))
    .split('\n')
    .filter((line) => line !== '');

/** Clients that submit one run after the other, and ask for pages meanwhile; whoever is not answered tries again. */
function keepCalling(requests: readonly RunRequest[]) {
  const accepted: string[] = [];
  let isOver = false;
  const submit = async (request: RunRequest): Promise<void> => {
    while (!isOver) {
      const run = await daemon.api.json<{ run: Run }>('runs', { json: request }).catch(() => undefined);
      if (run !== undefined) accepted.push(run.run.id);
      // One after the other, and not as many as there is time for.
      const begun = run === undefined ? undefined : await runs.wait(run.run.id).catch(() => undefined);
      if (begun === undefined) await delay(50);
    }
  };
  const call = async (): Promise<void> => {
    while (!isOver) {
      for (const path of ['/page', '/web/index.html']) await fetch(daemon.gateway + path).then(text, () => delay(50));
    }
  };
  const text = async (answer: Response): Promise<void> => void (await answer.text());
  const clients = [...requests.map(submit), call()];
  return {
    more: async (count: number): Promise<void> => {
      const wanted = accepted.length + count;
      await expect.poll(() => accepted.length, patient).toBeGreaterThanOrEqual(wanted);
    },
    end: async (): Promise<readonly string[]> => {
      isOver = true;
      await Promise.all(clients);
      return accepted;
    },
  };
}
