import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../linux/write-whole.ts';
import type { InstanceLimits } from '../../model/instance.ts';
import { withLimits } from '../local/seat.ts';
import type { InstanceRecord } from './record.ts';

const fileIn = (home: string): string => join(home, 'limits.json');

/** A label of a container cannot be changed, so what was set since its start lies beside it. */
export const keepLimits = (home: string, limits: InstanceLimits): void =>
  writeWhole(fileIn(home), JSON.stringify(limits));

export function withKeptLimits(record: InstanceRecord, home: string): InstanceRecord {
  try {
    return withLimits(record, JSON.parse(readFileSync(fileIn(home), 'utf8')) as InstanceLimits);
  } catch {
    return record; // None were.
  }
}
