import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceRow } from '../../src/api/types.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { loadStandIns } from './stand-ins.ts';

const shapes = fileURLToPath(new URL('../fixtures/compose', import.meta.url));
// The ports that these files publish are anybody's; in a network of its own the daemon has them all.
const alone = ['unshare', '--net', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh'];
let daemon: TestDaemon;

interface Shape {
  /** Of the project, where it is not the folder's. */
  readonly app?: string;
  /** Named with -f; none = found in the folder. */
  readonly files?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** That no registry gives here. */
  readonly images: readonly string[];
  readonly running: readonly string[];
  /** What a published port says. */
  readonly ports?: Readonly<Record<number, string>>;
  /** What a service has said. */
  readonly logs?: Readonly<Record<string, string>>;
}

const all: Readonly<Record<string, Shape>> = {
  'three-tier': {
    images: ['postgres:17'],
    running: ['api', 'db', 'web'],
    ports: { 8080: 'web <- api <- postgres:17' },
  },
  'version-one': {
    images: ['redis:3', 'postgres:9.4'],
    running: ['cache', 'db', 'web', 'worker'],
    ports: { 5000: 'web, old <- redis:3, postgres:9.4' },
    logs: { worker: 'worker <- redis:3, the code of web' },
  },
  'version-two': {
    images: ['redis:alpine', 'postgres:9.4'],
    running: ['db', 'redis', 'result', 'vote', 'worker'],
    ports: { 5000: 'vote <- redis:alpine', 5001: 'result <- postgres:9.4', 5858: 'result, to be debugged' },
    logs: { worker: 'worker <- redis:alpine, postgres:9.4' },
  },
  'extends-and-include': {
    files: ['compose.yaml', 'compose.override.yaml'],
    images: ['postgres:17'],
    running: ['db', 'web'],
    logs: { batch: 'batch <- postgres:17' },
  },
  monitoring: {
    images: ['prom/prometheus:v3.0.0', 'grafana/grafana:11.3.0'],
    running: ['boards', 'collector'],
    ports: { 3000: 'grafana/grafana:11.3.0' },
  },
  'internal-network': {
    images: ['nginx:1.27', 'acme/app:2', 'mariadb:11'],
    running: ['app', 'db', 'proxy'],
    ports: { 443: 'nginx:1.27' },
  },
  'profiles-and-secrets': {
    app: 'ledger',
    environment: { LEDGER_API_KEY: 'k' },
    images: ['postgres:17'],
    running: ['app', 'db'],
    logs: { migrate: 'migrate <- postgres:17' },
  },
  'wordpress-mysql': {
    images: ['mysql:8.0', 'wordpress:latest'],
    running: ['db', 'wordpress'],
    ports: { 8000: 'wordpress:latest' },
  },
  stack: {
    files: ['docker-stack.yml'],
    images: ['registry.example.com/acme/api:1.4', 'acme/agent:1'],
    running: ['agent', 'api', 'api', 'api'],
    ports: { 80: 'registry.example.com/acme/api:1.4' },
  },
  queue: { images: ['redis:alpine'], running: ['queue', 'worker'], logs: { worker: 'worker <- redis:alpine' } },
  development: {
    environment: { NODE_ENV: 'development' },
    images: [],
    running: ['app'],
    logs: { app: 'app in development, green, 1' },
  },
};

beforeAll(async () => {
  daemon = await startDaemon({ under: alone });
  await loadStandIns(daemon, [...new Set(Object.values(all).flatMap(({ images }) => images))]);
  await makeVolume('company-data');
});

afterAll(async () => {
  expect(await daemon.purge(), 'left on the host').toEqual([]);
});

describe.each(Object.entries(all))('CO-1 %s', (folder, { app = folder, files = [], environment, ...shape }) => {
  const named = files.flatMap((file) => ['-f', file]);
  const minke = async (command: string, ...args: readonly string[]): Promise<string> => {
    const options = { cwd: join(shapes, folder), ...(environment === undefined ? {} : { environment }) };
    const { code, stdout, stderr } = await daemon.cli([command, ...named, ...args], options);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  };
  const running = async (): Promise<string[]> => {
    const { instances } = await daemon.api.json<{ instances: InstanceRow[] }>('instances', { query: { app } });
    return instances.map(({ name }) => name).toSorted();
  };

  it('runs unmodified', async () => {
    await minke('up', '-d');
    await expect.poll(running, { timeout: 20_000 }).toEqual(shape.running);
    for (const [port, words] of Object.entries(shape.ports ?? {})) {
      await expect.poll(() => said(port), { timeout: 20_000 }).toContain(words);
    }
    for (const [name, words] of Object.entries(shape.logs ?? {})) {
      await expect
        .poll(async () => (await daemon.cli(['logs', '--app', app, name])).stdout, { timeout: 20_000 })
        .toContain(words);
    }
  });

  it('CO-3 has nothing to change when it is brought up again, jobs that have completed included', async () => {
    const lines = await minke('up', '-d', '--format', 'json');
    expect(JSON.parse(lines)).toMatchObject({ changed: false });
  });

  it('goes with its volumes', async () => {
    await minke('down', '-v');
    expect(await running()).toEqual([]);
  });
});

/** One that outlives the app that had it. */
async function makeVolume(name: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'minke-compose-'));
  const file = join(folder, 'compose.yaml');
  writeFileSync(
    file,
    `services: { owner: { image: 'postgres:17', volumes: ['kept:/kept'] } }\nvolumes: { kept: { name: ${name} } }\n`,
  );
  await daemon.up(file, { project: 'owner' });
  await daemon.cli(['down', 'owner']);
  rmSync(folder, { recursive: true });
}

/** What answers at a port of the daemon's network, however it is asked. */
function said(port: string): string {
  // Servers of Node take a client that closes its side for one that has gone.
  const ask = `(printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 1) | nc -w 5 127.0.0.1 ${port}`;
  return spawnSync('nsenter', [`--net=/proc/${daemon.pid}/ns/net`, 'busybox', 'sh', '-c', ask], { encoding: 'utf8' })
    .stdout;
}
