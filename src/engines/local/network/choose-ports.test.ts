import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WantedPort } from '../../engine.ts';
import { choosePorts, renumbered, type TakenPort } from './choose-ports.ts';

const server = createServer();
const datagrams = createSocket('udp4');
let busy = 0;
let busyForDatagrams = 0;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  datagrams.bind(0, '127.0.0.1');
  await Promise.all([once(server, 'listening'), once(datagrams, 'listening')]);
  busy = (server.address() as AddressInfo).port;
  busyForDatagrams = datagrams.address().port;
});

afterAll(() => {
  server.close();
  datagrams.close();
});

const choose = async (
  wanted: readonly WantedPort[],
  taken: readonly TakenPort[] = [],
  owner?: string,
): Promise<readonly TakenPort[]> => await choosePorts({ wanted, taken, socket: '/nowhere', ownerOf: () => owner });

const web = { name: 'web', containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1' } as const;

describe('the choice of ports of the host', () => {
  it('takes what is named, the first that is free of a range, and any where none is named', async () => {
    const range: readonly [number, number] = [busy, busy + 20];
    const [inRange, any] = await choose([{ ...web, hostPorts: range }, web]);
    expect(inRange?.hostPort).toBeGreaterThan(busy);
    expect(inRange?.hostPort).toBeLessThanOrEqual(busy + 20);
    expect(any).toEqual({ ...web, hostPort: expect.any(Number), guestPort: 2, isNamed: false });
  });

  it.each([
    ['127.0.0.1', 'tcp'],
    [undefined, 'tcp'],
    ['127.0.0.1', 'udp'],
  ] as const)('fails where somebody listens at %s (%s), and says who', async (hostIp, protocol) => {
    const port = protocol === 'tcp' ? busy : busyForDatagrams;
    const wanted = { name: 'web', containerPort: 80, protocol, ...(hostIp === undefined ? {} : { hostIp }) };
    await expect(choose([{ ...wanted, hostPorts: [port, port] }])).rejects.toMatchObject({
      code: 'PORT_UNAVAILABLE',
      facts: {
        name: 'web',
        port: `${hostIp ?? '0.0.0.0'}:${port}/${protocol}`,
        reason: expect.stringContaining('minke itself has it'),
      },
    });
  });

  it('names the app that has it', async () => {
    await expect(choose([{ ...web, hostPorts: [busy, busy] }], [], 'shop')).rejects.toThrow('the app "shop" has it');
  });

  it('keeps what there is, though the service behind it be another, and the number at the other end', async () => {
    const before = await choose([{ ...web, hostPorts: [busy + 1, busy + 30] }, web]);
    const [named, any] = before;
    expect(await choose([{ ...web, hostPorts: [busy + 1, busy + 30] }, web], before)).toEqual(before);
    const port = named?.hostPort ?? 0;
    const moved = { ...web, name: 'api', containerPort: 81, hostPorts: [port, port] as const };
    expect(await choose([moved, web], before)).toEqual([{ ...named, name: 'api', containerPort: 81 }, any]);
  });

  it('keeps no number that was named once for one that may be any', async () => {
    const before = await choose([{ ...web, hostPorts: [busy + 1, busy + 30] }]);
    const [any] = await choose([web], before);
    expect(any?.hostPort).not.toBe(before[0]?.hostPort);
  });

  it('chooses anew where there is a choice, and another program has taken it meanwhile', async () => {
    const lost: TakenPort = { ...web, hostPort: busy, guestPort: 1, isNamed: false };
    const [any] = await choose([web], [lost]);
    expect(any?.hostPort).not.toBe(busy);
  });

  it('gives what is renumbered a number that nobody has', () => {
    const ports = [1, 2, 4].map((guestPort): TakenPort => ({
      ...web,
      hostPort: 8000 + guestPort,
      guestPort,
      isNamed: true,
    }));
    const numbers = renumbered(ports, ({ guestPort }) => guestPort !== 2).map(({ guestPort }) => guestPort);
    expect(numbers).toEqual([3, 2, 5]);
  });
});
