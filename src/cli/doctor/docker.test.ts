import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkDocker } from './docker.ts';

it('tells of a Docker Engine that answers, at the socket that DOCKER_HOST names', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'minke-doctor-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, 'docker.sock');
  const server = createServer((_, response) => void response.setHeader('api-version', '1.41').end('OK')).listen(socket);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  expect(await checkDocker({ DOCKER_HOST: `unix://${socket}`, MINKE_ENGINE: 'docker' })).toEqual({
    name: 'docker',
    state: 'ok',
    found: `a Docker Engine with API 1.41 answers at ${socket}`,
  });
});

it('takes the want of one for a lack only where the engine docker is asked for', async () => {
  const host = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };
  expect(await checkDocker(host)).toMatchObject({ state: 'ok', found: expect.stringContaining('none at /nowhere') });
  expect(await checkDocker({ ...host, MINKE_ENGINE: 'docker' })).toMatchObject({ state: 'lacks' });
});
