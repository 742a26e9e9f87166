import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceRow } from '../../src/api/types.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { fixtureApp, host } from './isolation-fixtures.ts';
import { openOutside, type Outside } from './isolation-outside.ts';
import { runsOf, type RunTask } from './isolation-runs.ts';

const probes = ['closed', 'open', 'listed'] as const;
type Probe = (typeof probes)[number];

/** Servers of the host, which no container may reach; they count who does. */
interface HostServer {
  readonly port: number;
  connections(): number;
  close(): void;
}

let daemon: TestDaemon;
let outside: Outside;
let runTask: RunTask;
const hostServers: HostServer[] = [];

beforeAll(async () => {
  outside = await openOutside();
  hostServers.push(await listen('0.0.0.0'), await listen('127.0.0.1'));
  daemon = await startDaemon();
  await daemon.up(fixtureApp('outbound'), { environment: { NAME: 'outbound' } });
  await daemon.up(fixtureApp('outbound'), { project: 'neighbour', environment: { NAME: 'neighbour' } });
  runTask = runsOf(daemon, 'outbound');
});

afterAll(async () => {
  for (const server of hostServers) server.close();
  expect(await daemon.purge(), 'left on the host').toEqual([]);
  await outside.remove();
});

/** What became of each try, from a container with that way out. */
async function tryFrom(probe: Probe, tries: readonly string[]): Promise<Record<string, string>> {
  const { stdout, stderr } = await runTask(probe, tries);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, string>;
}

const reached = (results: Record<string, string>): string[] =>
  Object.entries(results).flatMap(([words, result]) => (result.startsWith('!') ? [] : [`${words}: ${result}`]));

describe('the app of a container', () => {
  it.each(probes)('answers by its names (outbound as in %s)', async (probe) => {
    const address = await addressOf('outbound', 'teller');
    const results = await tryFrom(probe, ['tcp teller 9000', `tcp ${address} 9000`, 'ping teller']);
    expect(results['tcp teller 9000']).toMatch(/^outbound sees 10\.\d+\.\d+\.\d+$/);
    expect(results[`tcp ${address} 9000`]).toMatch(/^outbound sees /);
    expect(results['ping teller']).toBe('answers');
  });

  it('answers a service that calls itself by its name', async () => {
    const results = await tryFrom('closed', ['tcp teller 9001']);
    expect(results['tcp teller 9001']).toMatch(/^outbound sees 10\./);
  });
});

describe('names', () => {
  it('of the app have an IPv4 address and none of IPv6', async () => {
    const results = await tryFrom('closed', ['dns teller A', 'dns TELLER A', 'dns teller AAAA', 'dns open A']);
    expect(results['dns teller A']).toMatch(/^NOERROR 1 10\.\d+\.(?:12[89]|1[3-9]\d|2\d\d)\.\d+$/);
    expect(results['dns TELLER A']).toBe(results['dns teller A']);
    expect(results['dns teller AAAA']).toBe('NOERROR 0');
    expect(results['dns open A']).toMatch(/^NOERROR 1 10\./);
  });

  it('are answered over TCP too', async () => {
    const results = await tryFrom('closed', ['dns teller A', 'dns teller A tcp', 'dns nobody A tcp']);
    expect(results['dns teller A tcp']).toBe(results['dns teller A']);
    expect(results['dns nobody A tcp']).toBe('NXDOMAIN 0');
  });

  it('of one word that are not of the app do not exist, and others are not asked for where nothing may leave', async () => {
    const results = await tryFrom('closed', ['dns nobody A', 'dns localhost A', 'dns www.example.invalid A']);
    expect(results).toEqual({
      'dns nobody A': 'NXDOMAIN 0',
      'dns localhost A': 'NXDOMAIN 0',
      'dns www.example.invalid A': 'REFUSED 0',
    });
  });
});

describe('the host', () => {
  it.each(probes)('answers on none of its ports and addresses (outbound as in %s)', async (probe) => {
    const gateway = new URL(daemon.gateway).port;
    const ports = [...hostServers.map((server) => server.port), gateway, 53, 65_001];
    const addresses = [
      ...hostAddresses(),
      '10.0.2.2',
      '10.0.2.3',
      '10.0.2.100',
      ...(await networkAddresses('outbound')),
    ];
    const tries = addresses.flatMap((address) => ports.map((port) => `tcp ${address} ${port}`));
    const before = hostServers.map((server) => server.connections());
    const results = await tryFrom(probe, [...tries, 'udp 10.0.2.3 53']);
    expect(Object.keys(results).length).toBeGreaterThan(30);
    // The app's own resolver is no port of the host's.
    const resolver = (await networkAddresses('outbound'))[0] ?? '';
    expect(reached(results).filter((line) => !line.startsWith(`tcp ${resolver} 53:`))).toEqual([]);
    expect(hostServers.map((server) => server.connections())).toEqual(before);
  });

  it('answers itself there, so that it is the network that refuses', async () => {
    const [everywhere, loopback] = hostServers;
    for (const address of hostAddresses().filter((one) => !one.includes(':'))) {
      await once(connect({ host: address, port: everywhere?.port ?? 0 }).resume(), 'close');
    }
    await once(connect({ host: '127.0.0.1', port: loopback?.port ?? 0 }).resume(), 'close');
    expect(everywhere?.connections()).toBeGreaterThanOrEqual(2);
    expect(loopback?.connections()).toBe(1);
  });

  it('answers on no address that it was given later', async () => {
    const later = '203.0.113.129';
    const link = `mo${process.pid}`;
    // Its network place has this way out already, so that nothing has to be arranged for the next.
    await tryFrom('open', ['ping 127.0.0.1']);
    host('ip', 'addr', 'add', `${later}/32`, 'dev', link);
    try {
      const port = hostServers[0]?.port ?? 0;
      const results = await until(
        async () => await tryFrom('open', [`tcp ${later} ${port}`, `tcp ${outside.address} 8000`]),
        (tried) => reached(tried).length === 1,
      );
      expect(reached(results)).toEqual([`tcp ${outside.address} 8000: outside 8000 sees ${outside.hostAddress}`]);
    } finally {
      host('ip', 'addr', 'del', `${later}/32`, 'dev', link);
    }
  });
});

describe('another app', () => {
  it.each(probes)('answers by no name and no address (outbound as in %s)', async (probe) => {
    const other = await addressOf('neighbour', 'teller');
    const own = await addressOf('outbound', 'teller');
    expect(other.split('.')[1]).not.toBe(own.split('.')[1]);
    const [, free = ''] = await networkAddresses('neighbour');
    const firstName = free.replace('.200.', '.128.');
    const results = await tryFrom(probe, [
      `tcp ${other} 9000`,
      `udp ${other} 9000`,
      `ping ${other}`,
      `tcp ${free} 65001`,
      `tcp ${firstName} 9000`,
      `tcp ${firstName} 65001`,
      'tcp teller.neighbour 9000',
      'tcp neighbour 9000',
    ]);
    expect(reached(results)).toEqual([]);
  });

  it('answers its own containers by the same names', async () => {
    const { stdout } = await runsOf(daemon, 'neighbour')('closed', ['tcp teller 9000']);
    expect(Object.values(JSON.parse(stdout) as object)).toEqual([expect.stringMatching(/^neighbour sees /)]);
  });
});

describe('a host outside', () => {
  const tries = ['tcp 203.0.113.7 8000', 'tcp 203.0.113.7 8001', 'udp 203.0.113.7 8000', 'ping 203.0.113.7'];

  it('is not reached where outbound is none', async () => {
    expect(reached(await tryFrom('closed', tries))).toEqual([]);
  });

  it('is reached where outbound is public: TCP, UDP and ping', async () => {
    expect(await tryFrom('open', tries)).toEqual({
      'tcp 203.0.113.7 8000': 'outside 8000 sees 203.0.113.1',
      'tcp 203.0.113.7 8001': 'outside 8001 sees 203.0.113.1',
      'udp 203.0.113.7 8000': 'echo hello',
      'ping 203.0.113.7': 'answers',
    });
  });

  it('is reached on the port that outbound names, and on no other', async () => {
    expect(await tryFrom('listed', tries)).toMatchObject({
      'tcp 203.0.113.7 8000': 'outside 8000 sees 203.0.113.1',
      'tcp 203.0.113.7 8001': '!ECONNREFUSED',
      'udp 203.0.113.7 8000': 'echo hello',
      'ping 203.0.113.7': '!no answer',
    });
    expect(reached(await tryFrom('listed', ['tcp 203.0.113.8 8000', 'tcp 203.0.113.1 8000']))).toEqual([]);
  });

  it('hears nothing from a container that takes the address of one that may', async () => {
    const spoof = async (probe: Probe, from: string, text: string): Promise<string> => {
      const options = { entrypoint: ['/usr/bin/perl', '/app/spoof.pl'] };
      return (await runTask(probe, [from, outside.address, '8000', text], options)).stdout.trim();
    };
    // It waits for an answer that does not come, and may send meanwhile.
    const may = runTask('open', ['udp 203.0.113.9 9']);
    const address = await until(
      async () => await addressOf('outbound', 'open'),
      (found) => found !== '',
    );
    expect(await spoof('closed', address, 'forged')).toMatch(/^sent/);
    await may;
    expect(await spoof('open', '0.0.0.0', 'honest')).toMatch(/^sent/);
    await outside.hears('honest');
    expect(outside.heard()).not.toContain('forged');
  });

  it('in a private range is refused at once where outbound is public', async () => {
    const ranges = [
      '10.1.2.3',
      '172.16.1.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '198.18.0.1',
      '192.0.0.192',
    ];
    const results = await tryFrom(
      'open',
      ranges.map((address) => `tcp ${address} 80`),
    );
    expect(new Set(Object.values(results))).toEqual(new Set(['!ECONNREFUSED']));
  });
});

async function listen(address: string): Promise<HostServer> {
  let count = 0;
  const server: Server = createServer((socket) => {
    count += 1;
    socket.on('error', () => undefined);
    socket.end('the host');
  }).listen(0, address);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, connections: () => count, close: () => server.close() };
}

function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flat()
    .flatMap((entry) => (entry === undefined || entry.address.startsWith('fe80') ? [] : [entry.address]));
}

async function addressOf(app: string, name: string): Promise<string> {
  const { instances } = await daemon.api.json<{ instances: InstanceRow[] }>('instances', { query: { app } });
  return instances.find((one) => one.name === name)?.address ?? '';
}

/** What an app's network has beside instances and names: its own side, an address for a name that it has not. */
async function networkAddresses(app: string): Promise<string[]> {
  const [, second] = (await addressOf(app, 'teller')).split('.');
  return [`10.${second}.0.1`, `10.${second}.200.1`];
}

/** Tries again until it is so, at most 20 s. */
async function until<T>(action: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  const giveUpAt = performance.now() + 20_000;
  for (;;) {
    const value = await action();
    if (isSo(value) || performance.now() > giveUpAt) return value;
  }
}
