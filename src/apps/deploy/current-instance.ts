import type { Instance } from '../../engines/engine.ts';
import { replicaOf } from '../instance/instance-spec.ts';
import type { CurrentInstance } from './step.ts';

/** A living instance as the planner sees it; its labels survive a restart of the daemon. */
export const currentInstance = (
  { spec }: Pick<Instance, 'spec'>,
  state: Pick<CurrentInstance, 'isKept' | 'isReady' | 'isPublished'>,
): CurrentInstance => ({
  id: spec.id,
  service: spec.name,
  replica: replicaOf(spec),
  kind: spec.kind,
  digest: spec.labels['minke.digest'] ?? '',
  ...state,
});
