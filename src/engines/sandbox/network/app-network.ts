import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { Server, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { MinkeError } from '../../../errors/index.ts';
import { inNetworkNamespace } from '../../../linux/namespace.ts';
import { openTcpListener, openTcpSocket, openUdpSocket, originalDestination } from '../../../linux/socket.ts';
import type { Outbound } from '../../../model/instance.ts';
import type { NamedConnection, NetworkSpec } from '../../engine.ts';
import { createLimitGroup } from '../host/cgroups.ts';
import type { Starter } from '../starter/client.ts';
import { gatewayAddress, instanceAddress, instanceCapacity, nameAddress, type Subnet } from './addresses.ts';
import { namespaceBatch, namespaceScript, releaseScript, slotScript } from './commands.ts';
import { serveDns } from './dns.ts';
import { hostResolvers } from './resolvers.ts';
import { ruleset } from './ruleset.ts';
import { createSlirp } from './slirp.ts';
import { sameOutbound, type Slot, type SlotRequest } from './slot.ts';

/** The network of one app: a namespace, its names, its slots, its rules and its way out. */
export interface AppNetwork {
  readonly subnet: Subnet;
  ensure(spec: NetworkSpec): Promise<void>;
  publish(name: string, addresses: readonly string[]): Promise<void>;
  connect(address: string, port: number, signal?: AbortSignal): Promise<Socket>;
  acquire(request: SlotRequest): Promise<Slot>;
  /** After a restart: the slot that a living instance is in. */
  reclaim(number: number, request: SlotRequest): Promise<Slot>;
  release(slot: Slot, reusable: boolean): Promise<void>;
  /** Lines of /etc/hosts for the names. */
  hosts(): string;
  /** Stops listening; the network itself stays. */
  close(): void;
  remove(): Promise<void>;
}

export interface AppNetworkOptions {
  readonly app: string;
  readonly folder: string;
  readonly subnet: Subnet;
  /** cgroup below which slots have theirs. */
  readonly cgroup: string;
  readonly starter: Starter;
}

/** As the daemon's mount namespace sees a file, from any other: /proc/PID/root (proc(5)). */
const seenFromDaemon = (path: string): string => `/proc/${process.pid}/root${path}`;

const listenerPort = 65_001;
const firstBatch = 2;
const largestBatch = 16;

interface State {
  readonly subnet: number;
  /** In the order of their addresses; never shortened, since containers keep the addresses they know. */
  readonly names: readonly string[];
}

export function createAppNetwork(options: AppNetworkOptions): AppNetwork {
  const { app, folder, subnet, starter } = options;
  const namespace = join(folder, 'ns');
  const stateFile = join(folder, 'state.json');
  const slotFile = (number: number): string => join(folder, `slot-${number}`);
  let names: readonly string[] = readState(stateFile)?.names ?? [];
  const published = new Map<string, readonly string[]>();
  const slots = new Map<number, Slot>();
  const free: Slot[] = [];
  let nextSlot = 0;
  let growing: Promise<void> | undefined;
  let listening: { close(): void } | undefined;
  let onConnection: (connection: NamedConnection) => void = (connection) => connection.socket.destroy();
  const slirp = createSlirp({ namespace: seenFromDaemon(namespace), pidFile: join(folder, 'slirp.pid'), starter });

  const run = async (what: string, argv: readonly string[], input?: string): Promise<void> => {
    const { code, stderr } = await starter.execute(argv, input);
    if (code !== 0) throw new MinkeError('NETWORK_FAILED', { app, reason: `${what}: ${stderr.trim().slice(0, 500)}` });
  };
  const runOnHost = async (what: string, script: string, input?: string): Promise<void> =>
    await run(what, ['/usr/bin/nsenter', `--mount=/proc/${process.pid}/ns/mnt`, '/bin/sh', '-c', script], input);

  const addressOf = (name: string): string => nameAddress(subnet, names.indexOf(name));

  const applyRules = coalesced(async () => {
    const groups = Map.groupBy(slots.values(), (slot) => JSON.stringify(slot.outbound));
    const rules = ruleset({
      subnet,
      names: names.map((name) => ({ address: addressOf(name), instances: published.get(name) ?? [] })),
      outbound: [...groups].map(([rule, members]) => ({
        rule: JSON.parse(rule) as Outbound,
        instances: members.map((slot) => slot.address),
      })),
      listenerPort,
      hostAddresses: hostAddresses(),
    });
    await run('nft', ['/usr/bin/nsenter', `--net=${seenFromDaemon(namespace)}`, 'nft', '-f', '-'], rules);
  });

  const openSlot = async (number: number, outbound: Outbound): Promise<Slot> => ({
    number,
    address: instanceAddress(subnet, number),
    namespace: seenFromDaemon(slotFile(number)),
    group: await createLimitGroup(`${options.cgroup}/${app}/slot-${number}`),
    outbound,
  });

  const makeSlots = async (count: number, outbound: Outbound): Promise<void> => {
    const numbers = Array.from({ length: Math.min(count, instanceCapacity - nextSlot) }, () => nextSlot++);
    if (numbers.length === 0) throw new MinkeError('OUT_OF_ADDRESSES', { app });
    const files = numbers.map((number) => ({
      number,
      address: instanceAddress(subnet, number),
      file: slotFile(number),
    }));
    await runOnHost('slots', slotScript(namespace, subnet, files));
    const made = await Promise.all(numbers.map(async (number) => await openSlot(number, outbound)));
    for (const slot of made) slots.set(slot.number, slot);
    await applyRules();
    free.push(...made);
  };

  /** One batch at a time, each as large as all before it, so that a burst waits for few of them. */
  const grow = async (outbound: Outbound): Promise<void> => {
    growing ??= makeSlots(Math.min(Math.max(slots.size, firstBatch), largestBatch), outbound).finally(() => {
      growing = undefined;
    });
    await growing;
  };

  const takeFree = async (outbound: Outbound): Promise<Slot | undefined> => {
    const same = free.findLastIndex((slot) => sameOutbound(slot.outbound, outbound));
    if (same >= 0) return free.splice(same, 1)[0];
    const slot = free.pop();
    if (slot === undefined) return undefined;
    slot.outbound = outbound;
    await applyRules();
    return slot;
  };

  const listen = (): void => {
    listening ??= listenInside(namespace, subnet, {
      dns: {
        lookUp: (name) => (names.includes(name) ? addressOf(name) : undefined),
        mayForward: (from) => [...slots.values()].some((slot) => slot.address === from && slot.outbound !== 'none'),
        upstream: hostResolvers(),
      },
      accept: (socket) => {
        const wanted = originalDestination(descriptorOf(socket));
        const name = names.find((one) => addressOf(one) === wanted.address);
        if (name === undefined) socket.destroy();
        else onConnection({ socket, app, name, port: wanted.port, from: socket.remoteAddress ?? '' });
      },
    });
  };

  /** Slots of an earlier life of the daemon that no living instance has kept. */
  const openFoundSlots = async (): Promise<void> => {
    const found = slotNumbers(folder);
    nextSlot = Math.max(nextSlot, ...found.map((number) => number + 1));
    const unused = found.filter((number) => !slots.has(number));
    const opened = await Promise.all(unused.map(async (number) => await openSlot(number, 'none')));
    for (const slot of opened) slots.set(slot.number, slot);
    free.push(...opened);
  };

  /** Whatever a reboot left of the folder describes namespaces that are gone. */
  const create = async (): Promise<void> => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await runOnHost('namespace', namespaceScript(namespace), namespaceBatch(subnet));
  };

  return {
    subnet,
    ensure: async (spec) => {
      onConnection = spec.listener;
      if (!isNamespace(namespace)) await create();
      names = [...names, ...spec.names.filter((name) => !names.includes(name))];
      writeFileSync(stateFile, JSON.stringify({ subnet: subnet.index, names } satisfies State));
      await openFoundSlots();
      listen();
      await Promise.all([applyRules(), slirp.ensure()]);
    },
    publish: async (name, addresses) => {
      published.set(name, addresses);
      if (!names.includes(name)) return;
      await applyRules();
    },
    connect: async (address, port, signal) => await connectInside(namespace, address, port, signal),
    acquire: async ({ outbound, limits }) => {
      let slot = await takeFree(outbound);
      while (slot === undefined) {
        await grow(outbound);
        slot = await takeFree(outbound);
      }
      await slot.group.limit(limits);
      return slot;
    },
    reclaim: async (number, { outbound, limits }) => {
      const slot = await openSlot(number, outbound);
      slots.set(number, slot);
      await slot.group.limit(limits);
      return slot;
    },
    release: async (slot, reusable) => {
      if (reusable) {
        free.push(slot);
        return;
      }
      slots.delete(slot.number);
      await slot.group.remove();
      await runOnHost('slot', releaseScript([slotFile(slot.number)]));
    },
    hosts: () => names.map((name) => `${addressOf(name)} ${name}\n`).join(''),
    close: () => {
      listening?.close();
      listening = undefined;
    },
    remove: async () => {
      listening?.close();
      listening = undefined;
      await slirp.stop();
      await Promise.all([...slots.values()].map(async (slot) => await slot.group.remove()));
      slots.clear();
      const files = readdirSync(folder).filter((entry) => entry === 'ns' || entry.startsWith('slot-'));
      await runOnHost('removal', releaseScript(files.map((file) => join(folder, file))));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function slotNumbers(folder: string): number[] {
  return readdirSync(folder).flatMap((entry) => (entry.startsWith('slot-') ? [Number(entry.slice(5))] : []));
}

/** NSFS_MAGIC (linux/magic.h): the file is a living namespace and not the empty file it was mounted on. */
function isNamespace(file: string): boolean {
  const nsfs = 0x6e736673;
  return existsSync(file) && statfsSync(file).type === nsfs;
}

export function readState(file: string): State | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as State;
  } catch {
    return undefined;
  }
}

interface Inside {
  readonly dns: Parameters<typeof serveDns>[1];
  readonly accept: (socket: Socket) => void;
}

/** The resolver and the listener for names, as sockets of the app's namespace. */
function listenInside(namespace: string, subnet: Subnet, inside: Inside): { close(): void } {
  const [udp, tcp] = inNetworkNamespace(namespace, () => [
    openUdpSocket(gatewayAddress(subnet), 53),
    openTcpListener('0.0.0.0', listenerPort),
  ]);
  const resolver = serveDns(udp, inside.dns);
  const server = new Server({ allowHalfOpen: true, pauseOnConnect: true }, inside.accept).listen({ fd: tcp });
  server.on('error', () => undefined);
  return {
    close: () => {
      resolver.close();
      server.close();
    },
  };
}

/** A socket belongs to the namespace it was made in, so it is made there and connected here. */
async function connectInside(namespace: string, address: string, port: number, signal?: AbortSignal): Promise<Socket> {
  signal?.throwIfAborted();
  const fd = inNetworkNamespace(namespace, openTcpSocket);
  // Nothing may be read before it is connected; `manualStart` is what Node's own connect() uses for that.
  const socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true, manualStart: true } as object);
  await new Promise<void>((resolve, reject) => {
    const abort = (): void =>
      void socket.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      signal?.removeEventListener('abort', abort);
      socket.removeListener('error', reject);
      resolve();
    });
    socket.once('error', reject);
    socket.connect({ host: address, port });
  });
  return socket;
}

function descriptorOf(socket: Socket): number {
  return (socket as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}

function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flat()
    .flatMap((entry) => (entry?.family === 'IPv4' ? [entry.address] : []));
}

/** One at a time; calls that come meanwhile share the next turn. */
function coalesced(action: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const turn = (): Promise<void> => {
    const begun = action().finally(() => {
      if (current === begun) current = undefined;
    });
    current = begun;
    return begun;
  };
  return async () => {
    if (current === undefined) return await turn();
    next ??= current
      .catch(() => undefined)
      .then(async () => {
        next = undefined;
        await turn();
      });
    await next;
  };
}
