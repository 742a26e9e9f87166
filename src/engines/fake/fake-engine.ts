import { setMaxListeners } from 'node:events';
import { MinkeError } from '../../errors/index.ts';
import type { Id } from '../../model/ids.ts';
import type { InstanceSpec } from '../../model/instance.ts';
import { systemClock, type Clock } from '../../observe/clock.ts';
import type { Engine, Instance, InstanceStatus, InstanceSummary } from '../engine.ts';
import { behaviourOf, sleepUnbounded, type FakeScript } from './behaviour.ts';
import { executeCommand } from './fake-command.ts';
import { startFakeInstance, type FakeInstance, type FakeInstanceOptions } from './fake-instance.ts';
import { createFakeNetworks, networkOf, nextAddress, type FakeNetworkTable } from './fake-networks.ts';

/** A full engine in memory whose instances do what a script says. Sockets are real ones on 127.0.0.1. */
export interface FakeEngine extends Engine {
  /** The daemon is gone as by `kill -9`; make another engine on the same host to bring it back. */
  crash(): void;
}

/** What outlives a daemon: instances with `streams: logs`, their output, networks. */
export interface FakeHost {
  readonly instances: Map<Id, FakeInstance>;
  readonly networks: FakeNetworkTable;
  /** What is there now, one line each; empty after a purge. */
  leftovers(): readonly string[];
}

export interface FakeEngineOptions {
  readonly clock?: Clock;
  readonly script?: FakeScript;
  readonly host?: FakeHost;
}

export function createFakeHost(): FakeHost {
  const host: FakeHost = {
    instances: new Map(),
    networks: new Map(),
    leftovers: () => [
      ...[...host.instances.keys()].map((id) => `instance ${id}`),
      ...[...host.networks.keys()].map((app) => `network ${app}`),
    ],
  };
  return host;
}

export function createFakeEngine(options: FakeEngineOptions = {}): FakeEngine {
  const { clock = systemClock, script = {}, host = createFakeHost() } = options;

  const letGo = (): void => {
    for (const network of host.networks.values()) network.listener = undefined;
    for (const instance of host.instances.values()) {
      if (instance.spec.streams === 'pipes') instance.signal(9);
      else instance.stdin?.end();
    }
  };

  return {
    describe: () => ({ name: 'fake', details: { runtime: 'in memory' } }),
    start: (spec, signal) => start(host, clock, script, spec, signal),
    stop: async (id, graceMs) => host.instances.get(id)?.stop(graceMs),
    kill: async (id, signalNumber) => host.instances.get(id)?.signal(signalNumber),
    execute: async (id, command, signal) => {
      const instance = host.instances.get(id);
      const network = networkFor(host, instance?.spec ?? { app: '' }, instance?.address);
      return await executeCommand(instance, command, { id, clock, script, pid: nextPid, network, signal });
    },
    inspect: async (id) => statusOf(host.instances.get(id)),
    // Their stdin ended with the daemon that held it.
    recover: async () => [...host.instances.values()].map((instance) => asInstance({ ...instance, stdin: undefined })),
    ended: async () =>
      [...host.instances.values()].flatMap(({ spec, exit }) => (exit() === undefined ? [] : [spec.id])),
    remove: async (id) => remove(host, id),
    logs: { read: (id, how) => host.instances.get(id)?.output.read(how) ?? nothing() },
    networks: createFakeNetworks(host.networks),
    close: async ({ purge }) => {
      letGo();
      if (!purge) return;
      await Promise.all([...host.instances.values()].map((instance) => instance.stop(0)));
      host.instances.clear();
      host.networks.clear();
    },
    crash: letGo,
  };
}

async function start(
  host: FakeHost,
  clock: Clock,
  script: FakeScript,
  spec: InstanceSpec,
  signal?: AbortSignal,
): Promise<Instance> {
  signal?.throwIfAborted();
  const behaviour = behaviourOf(script, spec);
  await sleepUnbounded(clock, behaviour.startMs ?? 0, signal);
  if (behaviour.failStart !== undefined) throw startFailed(spec, behaviour.failStart);
  const network = spec.network === 'app' ? host.networks.get(spec.app) : undefined;
  if (spec.network === 'app' && network === undefined) throw startFailed(spec, `the app "${spec.app}" has no network`);
  const address = network && (behaviour.address ?? nextAddress(network));

  const instance = startFakeInstance({
    spec,
    behaviour,
    clock,
    pid: nextPid(),
    address,
    network: networkFor(host, spec, address),
  });
  host.instances.set(spec.id, instance);
  if (spec.streams === 'pipes') void instance.exited.then(() => host.instances.delete(spec.id));
  return asInstance(instance);
}

/** What an instance and the commands in it reach; one without an address reaches nothing. */
const networkFor =
  (host: FakeHost, spec: Pick<InstanceSpec, 'app' | 'networks'>, address?: string): FakeInstanceOptions['network'] =>
  (ended) => {
    setMaxListeners(0, ended);
    return networkOf(address === undefined ? undefined : host.networks.get(spec.app), spec, address, ended);
  };

let lastPid = 1000;
const nextPid = (): number => (lastPid += 1);

function remove(host: FakeHost, id: Id): void {
  const instance = host.instances.get(id);
  if (instance === undefined) return;
  if (instance.exit() === undefined) {
    throw new MinkeError('CONFLICT', { reason: `Cannot remove "${instance.spec.name}": it is running` });
  }
  host.instances.delete(id);
}

function statusOf(instance: FakeInstance | undefined): InstanceStatus | undefined {
  if (instance === undefined) return undefined;
  const exit = instance.exit();
  return exit === undefined ? { state: 'running', pid: instance.pid } : { state: 'ended', exit };
}

function asInstance({ spec, address, startedAt, stdin, stdout, stderr, exited }: FakeInstance): Instance {
  return {
    handle: { version: 1, engine: 'fake', id: spec.id },
    spec: summaryOf(spec),
    address,
    startedAt,
    exited,
    ...(stdin && { stdin }),
    ...(stdout && { stdout }),
    ...(stderr && { stderr }),
  };
}

function summaryOf({ id, app, name, kind, labels, limits, image }: InstanceSpec): InstanceSummary {
  return { id, app, name, kind, labels, limits, imageId: image.id };
}

function startFailed(spec: InstanceSpec, reason: string): MinkeError {
  return new MinkeError('INSTANCE_START_FAILED', { name: spec.name, reason });
}

async function* nothing(): AsyncIterable<never> {
  // No output of that id is kept.
}
