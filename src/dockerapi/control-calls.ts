import { MinkeError } from '../errors/index.ts';
import type { RunOptions } from '../model/run.ts';
import { sendJson, sendNothing } from './answer.ts';
import { controlsOf, livingInstance, namedContainer, isAlive, type Call, type Desk } from './call.ts';
import { nameOf } from './container-view.ts';
import type { Container } from './containers.ts';
import { asked, isZero, refused, type CreateFields } from './create-fields.ts';
import { readRestartPolicy } from './restart-policy.ts';
import { freeName } from './create.ts';
import { objectOf } from './json-values.ts';
import type { JsonObject } from './json.ts';
import { noTerminal, readSize, resizeSoon } from './exec-calls.ts';
import { readOperatorBody } from './operator-body.ts';
import { limitOptions } from './translate.ts';

export async function pauseContainer(desk: Desk, call: Call): Promise<void> {
  const { container, instance } = await livingInstance(desk, call);
  if (container.isPaused === true)
    throw new MinkeError('CONFLICT', { reason: `Container ${container.run.id} is already paused` });
  await controlsOf(desk, 'Pausing a container').pause(instance);
  tell(desk, 'pause', container);
  sendNothing(call.response, 204);
}

export async function unpauseContainer(desk: Desk, call: Call): Promise<void> {
  const { container, instance } = await livingInstance(desk, call);
  if (container.isPaused !== true)
    throw new MinkeError('CONFLICT', { reason: `Container ${container.run.id} is not paused` });
  await controlsOf(desk, 'Pausing a container').resume(instance);
  tell(desk, 'unpause', container);
  sendNothing(call.response, 204);
}

export async function resizeContainer(desk: Desk, call: Call): Promise<void> {
  const size = readSize(call);
  const { container, instance } = await livingInstance(desk, call);
  const who = `Container ${container.run.id}`;
  if (container.run.options.tty !== true) throw noTerminal(who);
  const controls = controlsOf(desk, 'Resizing a terminal');
  await resizeSoon(desk, who, () => controls.resize(instance, size));
  sendNothing(call.response, 200);
}

export async function renameContainer(desk: Desk, call: Call): Promise<void> {
  const container = await namedContainer(desk, call);
  const asked = call.target.query.get('name') ?? '';
  if (asked === '') throw new MinkeError('BAD_REQUEST', { reason: 'Neither old nor new names may be empty' });
  if (asked.replace(/^\//, '') === nameOf(container))
    throw new MinkeError('BAD_REQUEST', { reason: 'Renaming a container with the same name as its current name' });
  await desk.containers.change(container.run.id, { name: await freeName(desk, call, asked) });
  tell(desk, 'rename', container);
  sendNothing(call.response, 204);
}

const fixed = refused('only memory, processors and processes of a container can be changed');
const updateFields: CreateFields = {
  Memory: asked,
  NanoCpus: asked,
  CpuPeriod: asked,
  CpuQuota: asked,
  PidsLimit: asked,
  MemorySwap: refused('swap is not given on top of Memory', {
    isNeutral: (value, siblings) => [0, null, siblings['Memory'] ?? null].includes(value),
  }),
  RestartPolicy: asked,
  ...Object.fromEntries(
    `CpuShares CpusetCpus CpusetMems CpuRealtimePeriod CpuRealtimeRuntime BlkioWeight BlkioWeightDevice BlkioDeviceReadBps
    BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps KernelMemory KernelMemoryTCP MemoryReservation MemorySwappiness
    OomKillDisable Ulimits Devices DeviceCgroupRules DeviceRequests CgroupParent Init CpuCount CpuPercent IOMaximumIOps
    IOMaximumBandwidth`
      .split(/\s+/)
      .map((name) => [name, fixed]),
  ),
};

export async function updateContainer(desk: Desk, call: Call): Promise<void> {
  const body = readOperatorBody(call.body, updateFields, 'update');
  const limits = limitOptions(body, '');
  const container = await namedContainer(desk, call);
  const { id, instance, options } = container.run;
  const policy = restartOption(body, options);
  if (isAlive(container) && instance !== undefined && Object.keys(limits).length > 0)
    await limitNow(desk, container, limits);
  await desk.containers.change(id, { ...limits, ...policy });
  tell(desk, 'update', container);
  sendJson(call.response, 200, { Warnings: null });
}

/** A policy that is not named stays as it is. */
function restartOption(body: JsonObject, { keep }: RunOptions): RunOptions {
  if (isZero(objectOf(body['RestartPolicy'], 'RestartPolicy')['Name'])) return {};
  const restart = readRestartPolicy(body['RestartPolicy'], 'RestartPolicy');
  if (keep !== true && restart.condition !== 'no')
    throw new MinkeError('BAD_REQUEST', { reason: 'Restart policy cannot be updated because AutoRemove is enabled' });
  return { restart };
}

async function limitNow(desk: Desk, { run }: Container, limits: RunOptions): Promise<void> {
  const controls = controlsOf(desk, 'Changing the limits of a container');
  const { instance = '' } = run;
  const { memoryLimitBytes, processesLimit } = await controls.measure(instance);
  await controls.limit(instance, {
    memoryBytes: limits.memoryBytes ?? memoryLimitBytes,
    pids: limits.pids ?? processesLimit,
    cpus: limits.cpus ?? run.options.cpus ?? 0,
  });
}

function tell(
  { bulletin, clock }: Desk,
  action: 'pause' | 'unpause' | 'rename' | 'update',
  container: Container,
): void {
  bulletin.post({ action, container, at: clock.now() });
}
