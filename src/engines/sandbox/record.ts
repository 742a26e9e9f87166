import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Id } from '../../model/ids.ts';
import type { InstanceSpec } from '../../model/instance.ts';
import { mayChangeNetwork, reachOf, type SeatRecord } from '../local/seat.ts';
import type { KnownContainer } from './runtime/containers.ts';
import type { RuntimeName } from './runtime/runtime.ts';

/** What an instance's folder says about it (instance.json), so that the next life of the daemon can adopt it. */
export interface InstanceRecord extends SeatRecord {
  readonly version: 1;
  readonly hasWritableLayer: boolean;
  /** Of its layer, where that is kept. */
  readonly root?: Id;
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
    ...(spec.root === undefined ? {} : { root: spec.root }),
    mayChangeNetwork: mayChangeNetwork(spec),
    startedAt,
    imageRoot: spec.image.rootPath,
    ...(spec.settings?.stopSignal === undefined ? {} : { stopSignal: spec.settings.stopSignal }),
    runtime,
  };
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
