import { isId, type Id } from '../../model/ids.ts';
import type { InstanceSpec } from '../../model/instance.ts';
import { mayChangeNetwork, reachOf, type SeatRecord } from '../local/seat.ts';
import type { ListedContainer } from './api/types.ts';
import type { Places } from './places.ts';

/** What the label of an instance's container says about it, so that the next life of the daemon can adopt it. */
export interface InstanceRecord extends SeatRecord {
  readonly version: 1;
  readonly streams: InstanceSpec['streams'];
  /** Absent = SIGTERM. */
  readonly stopSignal?: number;
}

export const labels = {
  owner: 'minke.owner',
  role: 'minke.role',
  instance: 'minke.instance',
  app: 'minke.app',
  name: 'minke.name',
  kind: 'minke.kind',
  record: 'minke.record',
  /** Of a container that had a kept root: which, and as the how-manieth. */
  root: 'minke.root',
  rootLife: 'minke.root-life',
} as const;

export function recordOf(spec: InstanceSpec, slot: number | undefined): InstanceRecord {
  const { id, app, name, kind, labels: own, limits, streams } = spec;
  return {
    version: 1,
    summary: { id, app, name, kind, labels: own, limits, imageId: spec.image.id },
    slot,
    ...reachOf(spec),
    // Its namespace is its holder's, and goes with it.
    mayChangeNetwork: slot !== undefined || mayChangeNetwork(spec),
    streams,
    ...(spec.settings?.stopSignal === undefined ? {} : { stopSignal: spec.settings.stopSignal }),
  };
}

/** On everything that is made in the engine; over the labels that people gave. */
export const ownLabels = (
  { owner }: Places,
  { id, app, name, kind }: Pick<InstanceSpec, 'id' | 'app' | 'name' | 'kind'>,
  role: 'instance' | 'holder',
): Readonly<Record<string, string>> => ({
  [labels.owner]: owner,
  [labels.role]: role,
  [labels.instance]: id,
  [labels.app]: app,
  [labels.name]: name,
  [labels.kind]: kind,
});

/** undefined where it is no instance's, or of a version that is not known. */
export function readRecord({ Labels }: Pick<ListedContainer, 'Labels'>): InstanceRecord | undefined {
  if (Labels[labels.role] !== 'instance') return undefined;
  try {
    const record = JSON.parse(Labels[labels.record] ?? '') as InstanceRecord;
    return record.version === 1 ? record : undefined;
  } catch {
    return undefined;
  }
}

/** undefined where it had none. `isOnlyOpen`: no instance's, but one through which its files are seen. */
export function rootOf({
  Labels,
}: Pick<ListedContainer, 'Labels'>):
  | { readonly root: Id; readonly number: number; readonly isOnlyOpen?: true }
  | undefined {
  const [root = '', number] = [Labels[labels.root], Number(Labels[labels.rootLife])];
  if (!isId(root) || !(number > 0)) return undefined;
  return { root, number, ...(Labels[labels.role] === 'root' ? { isOnlyOpen: true } : {}) };
}
