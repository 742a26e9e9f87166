import type { Lineage } from '../../dockerapi/containers.ts';
import { refuseFlood } from '../../dockerapi/policy-create.ts';
import { MinkeError } from '../../errors/index.ts';
import type { Id } from '../../model/ids.ts';
import { isSettled, type Run } from '../../model/run.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import type { Instances } from './instances.ts';

/**
 * How deep an instance stands below what came from outside, and how many live because of the same call: whatever way they
 * were asked for, as runs, through the Docker API or by a request.
 */
export async function lineageOf(instance: Id, instances: Instances, tasks: Tasks): Promise<Lineage> {
  const { root, depth } = rootOf(instance, instances);
  const children = Map.groupBy(await descendants(instances, tasks), ({ parent }) => parent);
  const count = (parent: Id): number =>
    (children.get(parent) ?? []).reduce((sum, { id }) => sum + 1 + (id === undefined ? 0 : count(id)), 0);
  return { depth, living: count(root) };
}

/** @throws POLICY_REFUSED for what would start one more, deeper or beside too many */
export async function refuseBeyond(instance: Id, instances: Instances, tasks: Tasks): Promise<void> {
  const refusal = refuseFlood({ lineage: await lineageOf(instance, instances, tasks) });
  if (refusal !== undefined) throw new MinkeError('POLICY_REFUSED', { ...refusal });
}

/** Up to the instance that nobody asked for; what a service asked for is a call of its own, since a service has no end. */
function rootOf(instance: Id, instances: Instances): { readonly root: Id; readonly depth: number } {
  let [root, depth] = [instance, 0];
  for (let parent = instances.parentOf(root); parent !== undefined; parent = instances.parentOf(root)) {
    if (isService(parent, instances)) break;
    root = parent;
    depth += 1;
  }
  return { root, depth };
}

const isService = (id: Id, instances: Instances): boolean => instances.get(id)?.spec.kind === 'service';

/** The same for a request of an instance. A service has no end to its calls: the limits of what it calls are enough there. */
export async function refuseCallBeyond(instance: Id | undefined, instances: Instances, tasks: Tasks): Promise<void> {
  if (instance !== undefined && !isService(instance, instances)) await refuseBeyond(instance, instances, tasks);
}

/** A run counts from its acceptance on, and once: its instance is not another one. */
async function descendants(
  instances: Instances,
  tasks: Tasks,
): Promise<{ readonly id: Id | undefined; readonly parent: Id | undefined }[]> {
  const accepted = await tasks.list({ states: ['queued', 'starting', 'running'], limit: 10_000 });
  const runs = [...tasks.drafts(), ...accepted].filter((run: Run) => !isSettled(run.state));
  const carried = new Set(runs.map(({ instance }) => instance));
  return [
    ...runs.map(({ instance, parent }) => ({ id: instance, parent })),
    ...instances
      .rows()
      .filter(({ id, parent }) => parent !== undefined && !carried.has(id))
      .map(({ id, parent }) => ({ id, parent })),
  ];
}
