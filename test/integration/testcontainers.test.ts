import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type * as Testcontainers from 'testcontainers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasProgram } from '../../src/engines/local/host/program.ts';
import { startOn, type OnEngine } from './on-engine.ts';
import { isWhole } from './whole.ts';

const run = promisify(execFile);

// The soak `engines` shows it on a Docker Engine: the package has one client for as long as it is loaded.
const engine = isWhole && hasProgram('dockerd') ? 'docker' : 'sandbox';

describe(`testcontainers, unmodified, at a daemon with the engine ${engine}`, () => {
  let purge: OnEngine['purge'];
  let folder: string;
  let tc: typeof Testcontainers;
  beforeAll(async () => {
    const { daemon, ...on } = await startOn(engine);
    ({ purge } = on);
    folder = mkdtempSync(join(tmpdir(), 'minke-servers-'));
    writeServers(folder);
    const { code, stderr } = await daemon.cli(['build', '-p', 'servers'], { cwd: folder });
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    process.env['DOCKER_HOST'] = `unix://${join(daemon.dataFolder, 'minke.sock')}`;
    process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
    // Its client is made when it is imported, and has to know the socket by then.
    tc = await import('testcontainers');
  }, 60_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    expect(await purge(), 'left on the host').toEqual([]);
  });

  const server = (name: string): Testcontainers.GenericContainer =>
    new tc.GenericContainer('servers-all').withCommand([name]);
  /** Through the port of the host, as a program of this machine. */
  const query = async (container: Testcontainers.StartedTestContainer, sql: string): Promise<string> => {
    const where = ['-h', container.getHost(), '-p', String(container.getMappedPort(5432)), '-U', 'postgres'];
    return (await run('psql', [...where, '-Atc', sql])).stdout.trim();
  };

  it('CS-1 runs PostgreSQL, waits for its words, asks it, restarts it with what it has stored and ends it', async () => {
    const ready = tc.Wait.forLogMessage(/database system is ready to accept connections/);
    const container = await server('postgres').withExposedPorts(5432).withWaitStrategy(ready).start();
    expect(
      await query(container, 'create table kept (n int); insert into kept values (6), (7); select sum(n) from kept'),
    ).toMatch(/13$/);
    const { output, exitCode } = await container.exec(['sh', '-c', 'grep ^Uid: /proc/1/status']);
    expect([exitCode, output.trim()]).toEqual([0, 'Uid:\t1000\t1000\t1000\t1000']);
    await container.restart();
    expect(await query(container, 'select count(*) from kept')).toBe('2');
    await container.stop();
  });

  it('CS-1 runs Redis, waits for its port and for its health, copies its settings in, and finds it by name on a network', async () => {
    const network = await new tc.Network().start();
    const container = await server('redis')
      .withExposedPorts(6379)
      .withNetwork(network)
      .withNetworkAliases('cache')
      .withCopyContentToContainer([{ content: 'databases 3\n', target: '/etc/redis.conf' }])
      .withHealthCheck({
        test: ['CMD-SHELL', 'redis-cli ping | grep -q PONG'],
        interval: 200,
        timeout: 2000,
        retries: 20,
      })
      .withWaitStrategy(tc.Wait.forAll([tc.Wait.forListeningPorts(), tc.Wait.forHealthCheck()]))
      .start();
    const port = container.getMappedPort(6379);
    expect(await said(port, 'SET k v\r\nGET k\r\nCONFIG GET databases\r\nQUIT\r\n')).toBe(
      '+OK\r\n$1\r\nv\r\n*2\r\n$9\r\ndatabases\r\n$1\r\n3\r\n+OK\r\n',
    );
    const client = await server('ask').withNetwork(network).withWaitStrategy(tc.Wait.forOneShotStartup()).start();
    const stream = await client.logs();
    let text = '';
    for await (const piece of stream) text += String(piece);
    expect(text).toContain('v');
    for (const one of [client, container]) await one.stop();
    await network.stop();
  });
});

/** All that a server on this port of the host answers. */
async function said(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(text);
  let answer = '';
  for await (const piece of socket) answer += String(piece);
  return answer;
}

/** An app file with one image of both servers, packed from this machine's programs. */
function writeServers(folder: string): void {
  const versions = readdirSync('/usr/lib/postgresql').filter((name) => /^\d+$/.test(name));
  const version = versions.toSorted((one, other) => Number(one) - Number(other)).at(-1) ?? '';
  const [bin, lib] = [`/usr/lib/postgresql/${version}/bin`, `/usr/lib/postgresql/${version}/lib`];
  const include = [
    '/bin/busybox',
    ...['postgres', 'initdb'].map((name) => join(bin, name)),
    ...['dict_snowball.so', 'plpgsql.so'].map((name) => join(lib, name)),
    `/usr/share/postgresql/${version}`,
    '/usr/bin/redis-server',
    '/usr/bin/redis-cli',
  ];
  mkdirSync(join(folder, 'all'));
  writeFileSync(
    join(folder, 'compose.yaml'),
    JSON.stringify({
      name: 'servers',
      services: {
        all: {
          build: './all',
          entrypoint: ['/bin/busybox', 'sh', '/app/serve.sh'],
          'x-minke': { function: 'task', pack: { runtime: 'none', include } },
        },
      },
    }),
  );
  writeFileSync(join(folder, 'all', 'serve.sh'), serve(bin));
}

/** PostgreSQL refuses to run as root, so it does not. */
const serve = (bin: string): string => `
[ -e /bin/awk ] || /bin/busybox --install -s /bin 2>/dev/null
case $1 in
postgres)
  if [ ! -e /var/tmp/data ]; then
    su node -s /bin/sh -c '${bin}/initdb -D /var/tmp/data -A trust -U postgres' >/dev/null || exit 1
    echo 'host all all 0.0.0.0/0 trust' >> /var/tmp/data/pg_hba.conf
  fi
  exec su node -s /bin/sh -c 'exec ${bin}/postgres -D /var/tmp/data -k /tmp -c listen_addresses=*';;
redis) exec redis-server /etc/redis.conf --protected-mode no --save '' --bind 0.0.0.0;;
ask) exec redis-cli -h cache get k;;
esac
`;
