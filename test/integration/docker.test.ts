import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { startDockerEngine } from '../../scripts/bench/docker-engine.ts';
import { declareEngineConformance } from '../../src/engines/conformance.ts';
import { dockerSubject, makeBusybox, type DockerMeans } from './docker-subject.ts';

let means: DockerMeans;

beforeAll(async () => {
  const docker = await startDockerEngine(mkdtempSync(join(tmpdir(), 'mdk-')), 'none');
  if (docker === undefined) throw new Error('dockerd is missing: node scripts/setup.mjs test');
  means = { docker, busybox: await makeBusybox() };
});

afterAll(async () => {
  await means.docker[Symbol.asyncDispose]();
  await means.busybox[Symbol.asyncDispose]();
});

declareEngineConformance(dockerSubject(() => means));
