import type { DependencyModel } from '../../model/app.ts';
import { openMap, type Reader } from './fields.ts';
import { dependencyKeys } from './keys.ts';
import { isNull, type Node, type Place } from './node.ts';
import type { Problems } from './problems.ts';
import { readReference } from './read-block.ts';
import { readBoolean, readList, readOneOf } from './readers.ts';

export interface ReadDependency {
  readonly model: DependencyModel;
  readonly at: Place;
  readonly conditionAt: Place;
  readonly restartAt: Place;
}

/** `[db]` or `{db: {condition: service_started, required: true, restart: false}}`. */
export const readDependencies: Reader<readonly ReadDependency[]> = (node, problems) => {
  if (node.kind === 'map') {
    return [...node.entries].map(([name, { key, value }]) => readDependency(name, key, value, problems));
  }
  return readList(readReference)(node, problems)?.map(({ name, at }) => started(name, at));
};

/** By name alone, as links of older files do. */
export function started(name: string, at: Place): ReadDependency {
  const model = { name, condition: 'service_started', required: true, restart: false } as const;
  return { model, at, conditionAt: at, restartAt: at };
}

function readDependency(name: string, at: Place, node: Node, problems: Problems): ReadDependency {
  const base = started(name, at);
  const fields = isNull(node) ? undefined : openMap(node, dependencyKeys, problems);
  if (fields === undefined) return base;
  const model: DependencyModel = {
    name,
    condition: fields.read('condition', readCondition) ?? base.model.condition,
    required: fields.read('required', readBoolean) ?? true,
    restart: fields.read('restart', readBoolean) ?? false,
  };
  return { model, at, conditionAt: fields.placeOf('condition'), restartAt: fields.placeOf('restart') };
}

const readCondition = readOneOf(['service_started', 'service_healthy', 'service_completed_successfully']);
