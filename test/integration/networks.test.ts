import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceRow } from '../../src/api/types.ts';
import { placesFor } from '../../src/engines/sandbox/places.ts';
import { readPidFile, signalProcess, untilGone } from '../../src/linux/proc.ts';
import { anyPort } from './any-port.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { fixtureApp } from './isolation-fixtures.ts';
import { openOutside, type Outside } from './isolation-outside.ts';
import { runsOf, type RunTask } from './isolation-runs.ts';
import { viewOf } from './restart-host.ts';

type Probe = 'from-front' | 'from-back' | 'from-inside' | 'from-both';

const app = 'networks';
const patiently = { interval: 20, timeout: 20_000 };
const [tcpPort, udpPort, freePort] = await Promise.all([anyPort(), anyPort(), anyPort()]);
const environment = { TCP_PORT: String(tcpPort), UDP_PORT: String(udpPort) };
let daemon: TestDaemon;
let outside: Outside;
let runTask: RunTask;

beforeAll(async () => {
  outside = await openOutside();
  daemon = await startDaemon();
  await daemon.up(fixtureApp(app), { environment });
  runTask = runsOf(daemon, app);
});

afterAll(async () => {
  expect(await daemon.purge(), 'left on the host').toEqual([]);
  await outside.remove();
});

async function tryFrom(probe: Probe, tries: readonly string[]): Promise<Record<string, string>> {
  const { stdout, stderr } = await runTask(probe, tries);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, string>;
}

async function rowOf(name: string): Promise<InstanceRow> {
  const { instances } = await daemon.api.json<{ instances: InstanceRow[] }>('instances', { query: { app } });
  const row = instances.find((one) => one.name === name);
  if (row === undefined) throw new Error(`"${name}" does not run`);
  return row;
}

const reached = (results: Record<string, string>): string[] =>
  Object.entries(results).flatMap(([words, result]) => (/^(?:!|NXDOMAIN)/.test(result) ? [] : [words]));

/**
 * Those of the tries that get an answer. What should, and was too slow on a busy machine, is tried again; what should not has
 * one chance, which is one too many if it takes it.
 */
async function reachFrom(probe: Probe, tries: readonly string[], allowed: readonly string[]): Promise<string[]> {
  const found = new Set(reached(await tryFrom(probe, tries)));
  const giveUpAt = performance.now() + patiently.timeout;
  const missing = (): string[] => allowed.filter((one) => !found.has(one));
  while (missing().length > 0 && performance.now() < giveUpAt) {
    for (const one of reached(await tryFrom(probe, missing()))) found.add(one);
  }
  return tries.filter((one) => found.has(one));
}

/** Every way to a server that has this address and this name. */
const waysTo = (name: string, ...addresses: readonly string[]): string[] =>
  [name, ...addresses].flatMap((to) => [`tcp ${to} 9001`, `udp ${to} 9001`, `ping ${to}`]);

/** Address of a name, as it is answered to a probe. */
async function named(probe: Probe, name: string): Promise<string> {
  const { [`dns ${name} A`]: answer = '' } = await tryFrom(probe, [`dns ${name} A`]);
  return answer.replace('NOERROR 1 ', '');
}

describe('CO-4 networks of an app', () => {
  it('keep those apart that share none: TCP, UDP and ping, by name and by either address', async () => {
    const [web, db, vault] = await Promise.all(
      ['web', 'db', 'vault'].map(async (name) => (await rowOf(name)).address ?? ''),
    );
    const [dbName, vaultName] = await Promise.all([named('from-back', 'db'), named('from-inside', 'vault')]);
    expect(dbName).toMatch(/^10\./);
    expect(vaultName).toMatch(/^10\./);
    const [toWeb, toDb, toVault] = [
      waysTo('web', web ?? ''),
      waysTo('db', db ?? '', dbName),
      waysTo('vault', vault ?? '', vaultName),
    ];
    const tries = [...toWeb, ...toDb, ...toVault];
    const allowed = {
      'from-front': toWeb,
      'from-back': [...toWeb, ...toDb],
      'from-inside': toVault,
      'from-both': [...toWeb, ...toVault],
    };
    const found = await Promise.all(
      Object.entries(allowed).map(
        async ([probe, ways]) => [probe, await reachFrom(probe as Probe, tries, ways)] as const,
      ),
    );
    expect(Object.fromEntries(found)).toEqual(allowed);
  });

  it('have names of their own, in DNS and in /etc/hosts', async () => {
    const tries = ['dns web A', 'dns db A', 'dns vault A', 'dns store A', 'dns from-back A'];
    expect(reached(await tryFrom('from-front', tries))).toEqual(['dns web A']);
    expect(reached(await tryFrom('from-back', tries))).toEqual([
      'dns web A',
      'dns db A',
      'dns store A',
      'dns from-back A',
    ]);
    expect(reached(await tryFrom('from-inside', tries))).toEqual(['dns vault A', 'dns store A']);
    const hosts = async (probe: Probe): Promise<string[]> => {
      const { stdout } = await runTask(probe, ['cat', '/etc/hosts'], { entrypoint: ['/bin/busybox'] });
      return namesIn(stdout);
    };
    expect(await hosts('from-front')).toEqual(['from-both', 'from-front', 'web']);
    expect(await hosts('from-back')).toEqual(['db', 'from-back', 'store', 'web']);
    expect(await hosts('from-inside')).toEqual(['from-both', 'from-inside', 'store', 'vault']);
  });

  it('let the same alias lead elsewhere on each', async () => {
    const [back, inside] = await Promise.all(
      (['from-back', 'from-inside'] as const).map(async (probe) => await tryFrom(probe, ['tcp store 9001'])),
    );
    expect(Object.values(back ?? {})[0]).toMatch(/^web/);
    expect(Object.values(inside ?? {})[0]).toMatch(/^vault/);
  });

  it('keep a function, which the daemon itself answers for, from those on other networks', async () => {
    const address = await named('from-back', 'from-back');
    const tries = [`tcp ${address} 80`, `tcp ${address} 65001`, `ping ${address}`];
    expect(await reachFrom('from-back', tries, tries)).toEqual(tries);
    expect(await reachFrom('from-front', tries, [])).toEqual([]);
  });
});

describe('CO-4 the rules of networks', () => {
  /** From many containers at once on both networks, which take one another's places; each tries as soon as it runs. */
  const crowd = async (): Promise<readonly string[][]> => {
    const { address = '' } = await rowOf('db');
    const tries = [`tcp ${address} 9001`, `udp ${address} 9001`];
    const turns = Array.from({ length: 4 }, () => [
      reachFrom('from-front', tries, []),
      reachFrom('from-back', tries, tries),
    ]);
    return await Promise.all(turns.flat());
  };
  const apart = Array.from({ length: 4 }, () => [
    [],
    [expect.stringMatching('^tcp'), expect.stringMatching('^udp')],
  ]).flat();

  it('hold for a container from its first packet on', async () => {
    expect(await crowd()).toEqual(apart);
  });

  it('hold when the starter was lost', async () => {
    const starter = viewOf(daemon.dataFolder).helper('starter');
    expect(signalProcess(starter?.pid ?? 0, starter?.ticks ?? 0, 9)).toBe(true);
    expect(await crowd()).toEqual(apart);
  });
});

describe('CO-4 an internal network', () => {
  const tries = ['tcp 203.0.113.7 8000', 'udp 203.0.113.7 8000', 'ping 203.0.113.7'];

  it('has no way to the outside, and no names of it', async () => {
    expect(await reachFrom('from-inside', tries, [])).toEqual([]);
    expect(await tryFrom('from-inside', ['dns www.example.invalid A'])).toEqual({
      'dns www.example.invalid A': 'REFUSED 0',
    });
  });

  it('takes nothing from a container that is on another one as well', async () => {
    expect(await reachFrom('from-both', tries, tries)).toEqual(tries);
  });
});

describe('a published port', () => {
  it('answers on every address of the host, or the one that the file names, and says whom it sees', async () => {
    const address = hostAddress();
    expect(await said(tcpPort)).toMatch(/^web1 \S+ sees 10\.0\.2\.2\n$/);
    expect(await said(tcpPort, address)).toMatch(/^web1 /);
    expect(await answered(udpPort, 'hello')).toMatch(/^hello web1 \S+ sees 10\.0\.2\.2\n$/);
    expect(await answered(udpPort, 'hello', address)).toBe('');
  });

  it('is shown by ps, the one that the file leaves open too', async () => {
    const { ports = [] } = await rowOf('web');
    expect(ports).toEqual([
      { hostIp: '0.0.0.0', hostPort: tcpPort, containerPort: 9000, protocol: 'tcp' },
      { hostIp: '127.0.0.1', hostPort: udpPort, containerPort: 9000, protocol: 'udp' },
      { hostIp: '0.0.0.0', hostPort: expect.any(Number), containerPort: 9000, protocol: 'tcp' },
    ]);
    expect(await said(ports[2]?.hostPort ?? 0)).toMatch(/^web1 /);
    expect((await daemon.cli(['ps'])).stdout).toContain(`0.0.0.0:${tcpPort}->9000/tcp, 127.0.0.1:${udpPort}->9000/udp`);
  });

  it('opens no way out for the service, which may go nowhere', async () => {
    const socket = await open(tcpPort);
    for (const to of ['203.0.113.7 8000', `10.0.2.2 ${tcpPort}`, `${hostAddress()} ${tcpPort}`, '10.0.2.2 53']) {
      socket.write(`out ${to}\n`);
      expect([to, await nextLine(socket)]).toEqual([to, expect.stringMatching(/^!/)]);
    }
    socket.destroy();
  });

  it('leads no container to the host, though it may go everywhere', async () => {
    const ports = [tcpPort, udpPort, Number(new URL(daemon.gateway).port), 1, 2, 3, 65_001];
    const addresses = ['10.0.2.2', '10.0.2.3', '10.0.2.100', '127.0.0.1', '255.255.255.255'];
    const tries = addresses.flatMap((to) => ports.flatMap((port) => [`tcp ${to} ${port}`, `udp ${to} ${port}`]));
    const outside = ['tcp 203.0.113.7 8000'];
    expect(await reachFrom('from-back', [...tries, ...outside], outside)).toEqual(outside);
  });

  it('holds connections while its service has no instance that is ready, and leads datagrams of old senders to the new one', async () => {
    const sender = createSocket('udp4');
    const before = await rowOf('web');
    expect(await answered(udpPort, 'one', '127.0.0.1', sender)).toContain(before.id);
    const first = viewOf(daemon.dataFolder).firstProcess(before.id);
    signalProcess(first?.pid ?? 0, first?.ticks ?? 0, 9);
    const isThere = async (): Promise<boolean> => (await rowOf('web').catch(() => undefined))?.id === before.id;
    await expect.poll(isThere, patiently).toBe(false);
    const held = await said(tcpPort);
    const after = await rowOf('web');
    expect(held).toContain(after.id);
    expect(after.address).not.toBe(before.address);
    await expect.poll(async () => await answered(udpPort, 'two', '127.0.0.1', sender), patiently).toContain(after.id);
    sender.close();
  });
});

describe('a port of the host that is not to be had', () => {
  it('fails up with who has it, and changes nothing', async () => {
    const server = createServer().listen(freePort, '127.0.0.1');
    await once(server, 'listening');
    const before = await rowOf('web');
    const taking = daemon.up(fixtureApp(app), {
      environment: { ...environment, VERSION: '2', TCP_PORT: String(freePort) },
    });
    await expect(taking).rejects.toThrow(
      new RegExp(
        `PORT_UNAVAILABLE: Cannot publish "web" at 0\\.0\\.0\\.0:${freePort}/tcp of the host: ".+" \\(process ${process.pid}\\) has it`,
      ),
    );
    expect(await rowOf('web')).toEqual(before);
    expect(await said(tcpPort)).toContain(before.id);
    server.close();
  });

  it("is told to be the gateway's where it is", async () => {
    const gateway = new URL(daemon.gateway).port;
    const taking = daemon.up(fixtureApp(app), { environment: { ...environment, TCP_PORT: gateway } });
    await expect(taking).rejects.toThrow('minke itself has it, for its gateway');
  });

  it('fails the up of another app by its name, of which nothing is there then', async () => {
    const taking = daemon.up(fixtureApp(app), { project: 'other', environment: { ...environment, NAME: 'other' } });
    await expect(taking).rejects.toThrow(`"web" at 0.0.0.0:${tcpPort}/tcp of the host: the app "networks" has it`);
    expect((await daemon.api.json<{ apps: readonly unknown[] }>('apps')).apps).toHaveLength(1);
    const unknown = daemon.up(fixtureApp(app), {
      project: 'other',
      environment: { ...environment, NAME: 'other', TCP_PORT: `198.51.100.1:${freePort}` },
    });
    await expect(unknown).rejects.toThrow('this host has no address 198.51.100.1');
  });
});

describe('an app whose networks or ports alone have changed', () => {
  it('keeps its instances for ports, and lets go of the old one', async () => {
    const before = await rowOf('web');
    expect(await daemon.up(fixtureApp(app), { environment })).toEqual({ changed: false });
    const changed = { ...environment, TCP_PORT: String(freePort) };
    expect(await daemon.up(fixtureApp(app), { environment: changed })).toEqual({ changed: true });
    expect((await rowOf('web')).id).toBe(before.id);
    expect(await said(freePort)).toContain(before.id);
    await expect(said(tcpPort)).rejects.toThrow('ECONNREFUSED');
    await daemon.up(fixtureApp(app), { environment });
    expect(await said(tcpPort)).toContain(before.id);
  });

  it('has the one service anew whose networks are others, on those alone', async () => {
    const [web, db] = [await rowOf('web'), await rowOf('db')];
    expect(await hostsIn(web.id)).toContain('db');
    await daemon.up(fixtureApp(app), { environment: { ...environment, DB_NETWORK: 'inside' } });
    expect(await hostsIn(web.id)).not.toContain('db');
    await daemon.up(fixtureApp(app), { environment: { ...environment, DB_NETWORK: 'front' } });
    const moved = await rowOf('db');
    expect((await rowOf('web')).id).toBe(web.id);
    expect(await hostsIn(web.id)).toContain('db');
    expect(moved.id).not.toBe(db.id);
    const tries = waysTo('db', moved.address ?? '');
    expect(await reachFrom('from-front', tries, tries)).toEqual(tries);
    expect(await reachFrom('from-back', tries, [])).toEqual([]);
    await daemon.up(fixtureApp(app), { environment });
  });
});

describe('networks and ports', () => {
  it('hold while the daemon is dead, and after it: an open connection, a new one, datagrams, and who is kept apart', async () => {
    const [web, db] = [await rowOf('web'), await rowOf('db')];
    const socket = await open(tcpPort);
    const starter = viewOf(daemon.dataFolder).helper('starter');
    await daemon.end('SIGKILL');
    if (starter !== undefined) await untilGone(starter, 10_000);
    expect(await said(tcpPort)).toContain(web.id);
    expect(await answered(udpPort, 'hello')).toContain(web.id);
    await daemon.restart();
    for (let count = 0; count < 20; count += 1) expect(await said(tcpPort)).toContain(web.id);
    socket.write('still there\n');
    expect(await nextLine(socket)).toBe('still there');
    socket.destroy();
    await expect.poll(async () => (await rowOf('web').catch(() => undefined))?.ports?.length, patiently).toBe(3);
    expect(await answered(udpPort, 'hello')).toContain(web.id);
    const toDb = waysTo('db', db.address ?? '');
    expect(await reachFrom('from-front', toDb, [])).toEqual([]);
    expect(await reachFrom('from-back', toDb, toDb)).toEqual(toDb);
  });

  it('are there again after the process that listens on the host was killed, the same ones', async () => {
    const { ports = [] } = await rowOf('web');
    const file = join(placesFor(daemon.dataFolder).net, app, 'slirp.pid');
    const found = readPidFile(file);
    if (found === undefined) throw new Error('nothing listens');
    signalProcess(found.pid, found.ticks, 9);
    await untilGone(found, 5000);
    for (const { hostPort, protocol } of ports) {
      const ask = async (): Promise<string> =>
        protocol === 'tcp' ? await said(hostPort).catch(() => '') : await answered(hostPort, 'hello');
      await expect.poll(ask, patiently).toMatch(/web1 /);
    }
    expect((await rowOf('web')).ports).toEqual(ports);
  });

  it('are free while the daemon is shut down, and the same after it; and free once the app is down', async () => {
    const { ports = [] } = await rowOf('web');
    await daemon.cli(['shutdown']);
    await daemon.gone();
    for (const { hostPort } of ports) await expect(said(hostPort)).rejects.toThrow('ECONNREFUSED');
    await daemon.restart();
    await expect.poll(async () => await rowOf('web').catch(() => undefined), patiently).toMatchObject({ ports });
    expect(await said(tcpPort)).toMatch(/^web1 /);
    expect((await daemon.cli(['down', app])).code).toBe(0);
    for (const { hostPort } of ports) await expect(said(hostPort)).rejects.toThrow('ECONNREFUSED');
    const server = createServer().listen(tcpPort, '0.0.0.0');
    await once(server, 'listening');
    server.close();
  });
});

/** Names in the /etc/hosts of a running container, as it sees the file. */
async function hostsIn(id: string): Promise<string[]> {
  const pid = viewOf(daemon.dataFolder).firstProcess(id)?.pid ?? 0;
  return namesIn(await readFile(`/proc/${pid}/root/etc/hosts`, 'utf8'));
}

const namesIn = (hosts: string): string[] =>
  [...hosts.matchAll(/^10\.\d+\.(?:12[89]|1[3-9]\d|2\d\d)\.\d+ (\S+)$/gm)].map(([, name = '']) => name).toSorted();

/** An address of this machine that is not loopback. */
function hostAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return (
    all.find(({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('203.'))
      ?.address ?? ''
  );
}

/** A connection to a server of the fixture, after what it says of itself. */
async function open(port: number, host = '127.0.0.1'): Promise<Socket & { readonly greeting?: string }> {
  const socket = connect({ port, host });
  socket.setTimeout(15_000, () => socket.destroy(new Error('timeout')));
  const greeting = await nextLine(socket);
  return Object.assign(socket, { greeting });
}

async function said(port: number, host?: string): Promise<string> {
  const socket = await open(port, host);
  socket.destroy();
  return `${socket.greeting}\n`;
}

async function nextLine(socket: Socket): Promise<string> {
  let text = '';
  while (!text.endsWith('\n')) {
    const [chunk] = (await Promise.race([once(socket, 'data'), once(socket, 'end').then(() => [undefined])])) as [
      Buffer | undefined,
    ];
    if (chunk === undefined) throw new Error('the connection ended');
    text += chunk.toString();
  }
  return text.trim();
}

/** What comes back for a datagram within a while; nothing otherwise. */
async function answered(port: number, text: string, host = '127.0.0.1', sender?: DatagramSocket): Promise<string> {
  const socket = sender ?? createSocket('udp4');
  const limit = AbortSignal.timeout(700);
  socket.send(text, port, host);
  try {
    const [message] = (await once(socket, 'message', { signal: limit })) as [Buffer];
    return message.toString();
  } catch {
    return '';
  } finally {
    if (sender === undefined) socket.close();
  }
}
