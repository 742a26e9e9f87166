import { once } from 'node:events';
import { connect as connectSocket, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { InstanceSpec } from '../../model/instance.ts';
import type { NetworkNames, NetworkSpec, Networks } from '../engine.ts';

import type { FakeProcess, SocketHandler } from './behaviour.ts';

/** One app's network. Addresses are made up; whatever listens on one does so on a real port of 127.0.0.1. */
export interface FakeNetwork {
  readonly index: number;
  names: readonly string[];
  networks: NetworkNames;
  /** Absent while no daemon lives. */
  listener: NetworkSpec['listener'] | undefined;
  readonly published: Map<string, readonly string[]>;
  /** `address:port` to the real port. */
  readonly open: Map<string, number>;
  addressesGiven: number;
}

export type FakeNetworkTable = Map<string, FakeNetwork>;

export function createFakeNetworks(table: FakeNetworkTable): Networks {
  return {
    ensure: async ({ app, names, networks, listener }) => {
      const network = table.get(app) ?? emptyNetwork(table.size);
      network.names = names;
      network.networks = networks ?? { default: Object.fromEntries(names.map((name) => [name, name])) };
      network.listener = listener;
      table.set(app, network);
    },
    publish: async (app, name, addresses) => {
      table.get(app)?.published.set(name, addresses);
    },
    ports: () => [],
    checkPorts: async () => undefined,
    releasePorts: async () => undefined,
    connect: async (app, address, port, signal) => connectTo(table.get(app), address, port, signal),
    remove: async (app) => {
      table.delete(app);
    },
  };
}

export function nextAddress(network: FakeNetwork): string {
  network.addressesGiven += 1;
  return `10.${network.index % 256}.${Math.floor(network.addressesGiven / 250)}.${1 + (network.addressesGiven % 250)}`;
}

/** What an instance can do at its address in its app's network, till `ended`. */
export function networkOf(
  network: FakeNetwork | undefined,
  { app, networks = ['default'] }: Pick<InstanceSpec, 'app' | 'networks'>,
  address: string | undefined,
  ended: AbortSignal,
): Pick<FakeProcess, 'listen' | 'connect'> {
  return {
    listen: async (port, handler) => {
      const server = await listenOnLoopback(handler, ended);
      const key = `${address}:${port}`;
      network?.open.set(key, (server.address() as AddressInfo).port);
      ended.addEventListener('abort', () => network?.open.delete(key));
    },
    connect: async (name, port) => {
      const socket = await connectByName(network, networks, { app, name, port, from: address ?? '' });
      ended.addEventListener('abort', () => socket.destroy());
      return socket;
    },
  };
}

function emptyNetwork(index: number): FakeNetwork {
  return {
    index,
    names: [],
    networks: {},
    listener: undefined,
    published: new Map(),
    open: new Map(),
    addressesGiven: 0,
  };
}

interface Call {
  readonly app: string;
  readonly name: string;
  readonly port: number;
  readonly from: string;
}

async function connectByName(
  network: FakeNetwork | undefined,
  networks: readonly string[],
  call: Call,
): Promise<Socket> {
  const name = networks.map((one) => network?.networks[one]?.[call.name]).find((found) => found !== undefined);
  if (network === undefined || name === undefined) throw refusal('ENOTFOUND', call.name, call.port);
  const addresses = network.published.get(name) ?? [];
  const address = addresses[Math.floor(Math.random() * addresses.length)];
  if (address !== undefined) return connectTo(network, address, call.port);
  const { listener } = network;
  if (listener === undefined) throw refusal('ECONNREFUSED', call.name, call.port);
  return connectToHandler((socket) => listener({ socket, ...call, name }));
}

async function connectTo(
  network: FakeNetwork | undefined,
  address: string,
  port: number,
  signal?: AbortSignal,
): Promise<Socket> {
  const realPort = network?.open.get(`${address}:${port}`);
  if (realPort === undefined) throw refusal('ECONNREFUSED', address, port);
  return connectLoopback(realPort, signal);
}

/** A connected pair: the handler gets one end, the caller the other. */
async function connectToHandler(handler: SocketHandler): Promise<Socket> {
  const served = new AbortController();
  const server = await listenOnLoopback((socket) => {
    server.close();
    handler(socket);
  }, served.signal);
  return connectLoopback((server.address() as AddressInfo).port);
}

async function connectLoopback(port: number, signal?: AbortSignal): Promise<Socket> {
  const socket = connectSocket({ host: '127.0.0.1', port, allowHalfOpen: true });
  try {
    await once(socket, 'connect', signal === undefined ? {} : { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

async function listenOnLoopback(handler: SocketHandler, ended: AbortSignal): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A peer that resets is an end like any other here.
    socket.on('error', () => socket.destroy());
    handler(socket);
  });
  ended.addEventListener('abort', () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function refusal(code: string, where: string, port: number): Error {
  return Object.assign(new Error(`connect ${code} ${where}:${port}`), { code });
}
