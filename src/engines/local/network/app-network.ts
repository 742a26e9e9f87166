import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { MinkeError } from '../../../errors/index.ts';
import { isNamespace } from '../../../linux/namespace.ts';
import type { Clock } from '../../../observe/clock.ts';
import type { Log } from '../../../observe/log.ts';
import type { NamedConnection, NetworkSpec, WantedPort } from '../../engine.ts';
import type { Starter } from '../starter/client.ts';
import type { Subnet } from './addresses.ts';
import { namespaceBatch, namespaceScript, releaseScript } from './commands.ts';
import { connectInside, listenerPort, listenInside } from './inside.ts';
import type { PortRequest, TakenPort } from './choose-ports.ts';
import { groupsOf } from './groups.ts';
import { renewHosts } from './hosts-file.ts';
import { createHostPorts } from './host-ports.ts';
import { createNames } from './names.ts';
import { createPublished } from './published.ts';
import { hostResolvers } from './resolvers.ts';
import { ruleset, tapAddress } from './ruleset.ts';
import { createSlirp } from './slirp.ts';
import { nowhere, type Reach } from './slot.ts';
import { createSlots, type Slots } from './slots.ts';
import { readState, writeState } from './state.ts';
import { coalesced } from './turns.ts';

/** The network of one app: a namespace, its names, its slots, its rules and its way out. */
export interface AppNetwork {
  readonly subnet: Subnet;
  readonly slots: Slots;
  ensure(spec: NetworkSpec): Promise<void>;
  publish(name: string, addresses: readonly string[]): Promise<void>;
  /** Ports of the host that lead into it. */
  ports(): readonly TakenPort[];
  checkPorts(wanted: readonly WantedPort[]): Promise<void>;
  /** They lead nowhere and are free until `ensure`. */
  releasePorts(): Promise<void>;
  /** The host has other addresses than before; the rules must know them. */
  refresh(): Promise<void>;
  connect(address: string, port: number, signal?: AbortSignal): Promise<Socket>;
  /** Lines of /etc/hosts for the names, as seen from these networks. */
  hosts(networks: readonly string[]): string;
  /** Of a name, or of an alias of one, as seen from these networks. */
  addressOf(name: string, networks: readonly string[]): string | undefined;
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
  readonly clock: Clock;
  readonly log: Log;
  readonly addressesPerApp: number;
  /** Which other app has a port of the host. */
  readonly ownerOf: PortRequest['ownerOf'];
}

/** As the daemon's mount namespace sees a file, from any other: /proc/PID/root (proc(5)). */
const seenFromDaemon = (path: string): string => `/proc/${process.pid}/root${path}`;

export function createAppNetwork(options: AppNetworkOptions): AppNetwork {
  const { app, folder, subnet, starter, clock, log } = options;
  const namespace = join(folder, 'ns');
  const stateFile = join(folder, 'state.json');
  const before = readState(stateFile);
  const names = createNames(subnet, before?.names ?? []);
  const published = createPublished(before?.published ?? {});
  const slirpSocket = join(folder, 'slirp.sock');
  const ports = createHostPorts({
    app,
    socket: slirpSocket,
    known: before?.ports ?? [],
    ownerOf: options.ownerOf,
    clock,
    log,
  });
  /** What the app is to have was said in this life of the daemon. */
  let isEnsured = false;
  let listening: { close(): void } | undefined;
  let onConnection: (connection: NamedConnection) => void = (connection) => connection.socket.destroy();
  const slirp = createSlirp({
    app,
    namespace: seenFromDaemon(namespace),
    pidFile: join(folder, 'slirp.pid'),
    socket: slirpSocket,
    starter,
    onFailure: (error) => log.error('An app has no way out; it is tried again', { app, error }),
    onStarted: ports.listenAgain,
  });

  const run = async (what: string, argv: readonly string[], input?: string): Promise<void> => {
    const { code, stderr } = await starter.execute(argv, input);
    if (code !== 0) throw new MinkeError('NETWORK_FAILED', { app, reason: `${what}: ${stderr.trim().slice(0, 500)}` });
  };
  const runOnHost = async (what: string, script: string, input?: string): Promise<void> =>
    await run(what, ['/usr/bin/nsenter', `--mount=/proc/${process.pid}/ns/mnt`, '/bin/sh', '-c', script], input);
  const takeApart = async (files: readonly string[]): Promise<void> =>
    await starter.untilDone(async () => await runOnHost('removal', releaseScript(files)));

  const save = (): void =>
    writeState(stateFile, {
      subnet: subnet.index,
      names: names.all(),
      published: published.all(),
      ports: ports.list(),
    });

  /** Without it the next life leads the name to the listener at first. */
  const remember = (): void => {
    try {
      save();
    } catch (error) {
      log.warn('Where the names of an app lead could not be noted', { app, error });
    }
  };

  const applyRules = coalesced(async () => {
    const rules = ruleset({
      subnet,
      names: names.all().map((name) => ({ address: names.addressOf(name), instances: published.of(name) })),
      ports: ports.list().map((port) => ({ ...port, instances: published.of(port.name) })),
      ...groupsOf(slots.list(), names),
      listenerPort,
      hostAddresses: hostAddresses(),
    });
    const nft = ['/usr/bin/nsenter', `--net=${seenFromDaemon(namespace)}`, 'nft', '-f', '-'];
    await starter.untilDone(async () => await run('nft', nft, rules));
  });

  const slots = createSlots({
    app,
    folder,
    subnet,
    namespace,
    cgroup: options.cgroup,
    capacity: options.addressesPerApp,
    runOnHost,
    takeApart,
    seenFromDaemon,
    onChange: async () => await applyRules(),
    onEmpty: async (address) => {
      if (!published.keepOnly((one) => one !== address) || !isEnsured) return;
      save();
      await applyRules();
    },
  });

  const reachOf = (address: string): Reach => slots.list().find((slot) => slot.address === address)?.reach ?? nowhere;

  /** What a connection was meant for, that came to the listener. The rules let in who may. */
  const find = (wanted: {
    address: string;
    port: number;
  }): Pick<NamedConnection, 'name' | 'port' | 'isFromHost'> | undefined => {
    if (wanted.address === tapAddress) {
      const port = ports.at(wanted.port);
      return port && { name: port.name, port: port.containerPort, isFromHost: true };
    }
    const name = names.at(wanted.address);
    return name === undefined ? undefined : { name, port: wanted.port };
  };

  const listen = (): void => {
    listening ??= listenInside(namespace, subnet, {
      dns: {
        lookUp: (name, from) => names.lookUp(name, reachOf(from).networks),
        mayForward: (from) => reachOf(from).outbound !== 'none',
        upstream: hostResolvers(),
      },
      accept: (socket, wanted) => {
        const called = find(wanted);
        if (called === undefined) socket.destroy();
        else onConnection({ socket, app, ...called, from: socket.remoteAddress ?? '' });
      },
    });
  };

  const renewAllHosts = (): void => {
    for (const { hostsFile, reach } of slots.list()) {
      if (hostsFile === undefined) continue;
      try {
        renewHosts(hostsFile, names.hosts(reach.networks));
      } catch (error) {
        // It is just being made, or has just ended.
        log.debug('A container keeps the names that it had', { app, file: hostsFile, error });
      }
    }
  };

  /** Whatever a reboot left of the folder describes namespaces that are gone. */
  const create = async (): Promise<void> => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await runOnHost('namespace', namespaceScript(namespace), namespaceBatch(subnet));
  };

  return {
    subnet,
    slots,
    ensure: async (spec) => {
      onConnection = spec.listener;
      if (!isNamespace(namespace)) await create();
      // Of what an earlier life had published, what lives: nobody else can have its address yet.
      if (!isEnsured) published.keepOnly((address) => slots.list().some((slot) => slot.address === address));
      names.set(spec.names, spec.networks);
      await ports.choose(spec.ports ?? []);
      save();
      await slots.openFound();
      listen();
      isEnsured = true;
      renewAllHosts();
      await Promise.all([applyRules(), slirp.ensure()]);
      try {
        await ports.settle();
      } catch (error) {
        // They are those of before.
        save();
        await applyRules();
        throw error;
      }
    },
    publish: async (name, addresses) => {
      const isNews = published.set(name, addresses);
      if (!names.all().includes(name)) return;
      // Datagrams of one sender are one exchange, which the kernel would go on leading to the instance of before.
      const isRenewed = isNews && ports.renew(name);
      remember();
      await applyRules();
      // Where that fails it is tried again, and no reason not to publish.
      if (isRenewed) await ports.settle().catch(() => undefined);
    },
    ports: ports.list,
    checkPorts: ports.check,
    releasePorts: ports.release,
    refresh: applyRules,
    connect: async (address, port, signal) => await connectInside(namespace, address, port, signal),
    hosts: names.hosts,
    addressOf: names.lookUp,
    close: () => {
      ports.close();
      slirp.release();
      listening?.close();
      listening = undefined;
    },
    remove: async () => {
      ports.close();
      listening?.close();
      listening = undefined;
      await slirp.stop();
      await slots.removeGroups();
      const files = readdirSync(folder).filter((entry) => entry === 'ns' || entry.startsWith('slot-'));
      await takeApart(files.map((file) => join(folder, file)));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** IPv4 addresses of this machine. */
export function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flat()
    .flatMap((entry) => (entry?.family === 'IPv4' ? [entry.address] : []));
}
