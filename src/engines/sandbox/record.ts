import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InstanceSpec, Outbound } from '../../model/instance.ts';
import type { InstanceSummary } from '../engine.ts';
import type { Reach } from './network/slot.ts';
import type { KnownContainer } from './runtime/containers.ts';
import type { RuntimeName } from './runtime/runtime.ts';

/** What an instance's folder says about it (instance.json), so that the next life of the daemon can adopt it. */
export interface InstanceRecord {
  readonly version: 1;
  readonly summary: InstanceSummary;
  readonly slot: number | undefined;
  readonly outbound: Outbound;
  /** Absent in records from when an app had one network. */
  readonly networks?: readonly string[];
  readonly hasWritableLayer: boolean;
  /** Its slot is not used again. */
  readonly mayChangeNetwork?: boolean;
  readonly startedAt: number;
  /** Absent = SIGTERM. */
  readonly stopSignal?: number;
  /** Folder of its image's root. Absent in records from before commands could be run in it. */
  readonly imageRoot?: string;
  /** What its container is of. Absent in records from when there was only crun. */
  readonly runtime?: RuntimeName;
}

export function recordOf(
  spec: InstanceSpec,
  { slot, startedAt, runtime }: Required<Pick<InstanceRecord, 'slot' | 'startedAt' | 'runtime'>>,
): InstanceRecord {
  const { id, app, name, kind, labels, limits } = spec;
  return {
    version: 1,
    summary: { id, app, name, kind, labels, limits, imageId: spec.image.id },
    slot,
    ...reachOf(spec),
    hasWritableLayer: !spec.readOnlyRoot,
    mayChangeNetwork: mayChangeNetwork(spec),
    startedAt,
    imageRoot: spec.image.rootPath,
    ...(spec.settings?.stopSignal === undefined ? {} : { stopSignal: spec.settings.stopSignal }),
    runtime,
  };
}

export const reachOf = ({
  outbound,
  networks = ['default'],
}: Pick<InstanceRecord, 'outbound' | 'networks'>): Reach => ({
  outbound,
  networks,
});

/** With these it may set addresses, routes and packet rules of its network namespace (capabilities(7)); a sysctl changes it too. */
export function mayChangeNetwork({
  privileged,
  capAdd,
  settings,
}: Pick<InstanceSpec, 'privileged' | 'capAdd' | 'settings'>): boolean {
  if (Object.keys(settings?.sysctls ?? {}).some((name) => name.startsWith('net.'))) return true;
  return privileged || capAdd.some((name) => /^(?:ALL|(?:CAP_)?(?:NET_ADMIN|SYS_ADMIN))$/i.test(name));
}

export function readRecord(folder: string): InstanceRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(join(folder, 'instance.json'), 'utf8')) as InstanceRecord;
    return record.version === 1 ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Its container, as its runtime knows it. */
export const containerOf = ({ summary, runtime = 'crun' }: InstanceRecord): KnownContainer => ({
  id: summary.id,
  runtime,
});
