import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { MinkeError } from '../../../errors/index.ts';
import { isNamespace } from '../../../linux/namespace.ts';
import type { Log } from '../../../observe/log.ts';
import type { Outbound } from '../../../model/instance.ts';
import type { NamedConnection, NetworkSpec } from '../../engine.ts';
import { untilDone, type Starter } from '../starter/client.ts';
import { nameAddress, type Subnet } from './addresses.ts';
import { namespaceBatch, namespaceScript, releaseScript } from './commands.ts';
import { connectInside, listenerPort, listenInside } from './inside.ts';
import { hostResolvers } from './resolvers.ts';
import { ruleset } from './ruleset.ts';
import { createSlirp } from './slirp.ts';
import { createSlots, type Slots } from './slots.ts';

/** The network of one app: a namespace, its names, its slots, its rules and its way out. */
export interface AppNetwork {
  readonly subnet: Subnet;
  readonly slots: Slots;
  ensure(spec: NetworkSpec): Promise<void>;
  publish(name: string, addresses: readonly string[]): Promise<void>;
  /** The host has other addresses than before; the rules must know them. */
  refresh(): Promise<void>;
  connect(address: string, port: number, signal?: AbortSignal): Promise<Socket>;
  /** Lines of /etc/hosts for the names. */
  hosts(): string;
  /** Of a name, or of an alias of one. */
  addressOf(name: string): string | undefined;
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
  readonly log: Log;
  readonly addressesPerApp: number;
}

/** As the daemon's mount namespace sees a file, from any other: /proc/PID/root (proc(5)). */
const seenFromDaemon = (path: string): string => `/proc/${process.pid}/root${path}`;

interface State {
  readonly subnet: number;
  /** In the order of their addresses; never shortened, since containers keep the addresses they know. */
  readonly names: readonly string[];
}

export function createAppNetwork(options: AppNetworkOptions): AppNetwork {
  const { app, folder, subnet, starter, log } = options;
  const namespace = join(folder, 'ns');
  const stateFile = join(folder, 'state.json');
  let names: readonly string[] = readState(stateFile)?.names ?? [];
  let aliases: Readonly<Record<string, string>> = {};
  const published = new Map<string, readonly string[]>();
  let listening: { close(): void } | undefined;
  let onConnection: (connection: NamedConnection) => void = (connection) => connection.socket.destroy();
  const slirp = createSlirp({
    app,
    namespace: seenFromDaemon(namespace),
    pidFile: join(folder, 'slirp.pid'),
    starter,
    onFailure: (error) => log.error('An app has no way out; it is tried again', { app, error }),
  });

  const run = async (what: string, argv: readonly string[], input?: string): Promise<void> => {
    const { code, stderr } = await starter.execute(argv, input);
    if (code !== 0) throw new MinkeError('NETWORK_FAILED', { app, reason: `${what}: ${stderr.trim().slice(0, 500)}` });
  };
  const runOnHost = async (what: string, script: string, input?: string): Promise<void> =>
    await run(what, ['/usr/bin/nsenter', `--mount=/proc/${process.pid}/ns/mnt`, '/bin/sh', '-c', script], input);

  const addressOf = (name: string): string => nameAddress(subnet, names.indexOf(name));
  const lookUp = (name: string): string | undefined => {
    const own = names.includes(name) ? name : aliases[name];
    return own !== undefined && names.includes(own) ? addressOf(own) : undefined;
  };

  const applyRules = coalesced(async () => {
    const groups = Map.groupBy(slots.list(), (slot) => JSON.stringify(slot.outbound));
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
    const nft = ['/usr/bin/nsenter', `--net=${seenFromDaemon(namespace)}`, 'nft', '-f', '-'];
    await untilDone(async () => await run('nft', nft, rules));
  });

  const slots = createSlots({
    app,
    folder,
    subnet,
    namespace,
    cgroup: options.cgroup,
    capacity: options.addressesPerApp,
    runOnHost,
    seenFromDaemon,
    onChange: async () => await applyRules(),
  });

  const listen = (): void => {
    listening ??= listenInside(namespace, subnet, {
      dns: {
        lookUp,
        mayForward: (from) => slots.list().some((slot) => slot.address === from && slot.outbound !== 'none'),
        upstream: hostResolvers(),
      },
      accept: (socket, wanted) => {
        const name = names.find((one) => addressOf(one) === wanted.address);
        if (name === undefined) socket.destroy();
        else onConnection({ socket, app, name, port: wanted.port, from: socket.remoteAddress ?? '' });
      },
    });
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
      aliases = spec.aliases ?? {};
      names = [...names, ...spec.names.filter((name) => !names.includes(name))];
      writeFileSync(stateFile, JSON.stringify({ subnet: subnet.index, names } satisfies State));
      await slots.openFound();
      listen();
      await Promise.all([applyRules(), slirp.ensure()]);
    },
    publish: async (name, addresses) => {
      published.set(name, addresses);
      if (!names.includes(name)) return;
      await applyRules();
    },
    refresh: applyRules,
    connect: async (address, port, signal) => await connectInside(namespace, address, port, signal),
    hosts: () => [...names, ...Object.keys(aliases)].map((name) => `${lookUp(name)} ${name}\n`).join(''),
    addressOf: lookUp,
    close: () => {
      slirp.release();
      listening?.close();
      listening = undefined;
    },
    remove: async () => {
      listening?.close();
      listening = undefined;
      await slirp.stop();
      await slots.removeGroups();
      const files = readdirSync(folder).filter((entry) => entry === 'ns' || entry.startsWith('slot-'));
      const release = releaseScript(files.map((file) => join(folder, file)));
      await untilDone(async () => await runOnHost('removal', release));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function readState(file: string): State | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as State;
  } catch {
    return undefined;
  }
}

/** IPv4 addresses of this machine. */
export function hostAddresses(): string[] {
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
