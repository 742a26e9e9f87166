import { openMap, type Keys } from '../fields.ts';
import { serviceKeys } from '../keys.ts';
import type { MapNode, Node } from '../node.ts';
import type { Problems } from '../problems.ts';
import { readList, scalar } from '../readers.ts';

export interface Selection {
  /** `*` stands for all. */
  readonly profiles: readonly string[];
  /** Services that were named: each activates its own profiles. */
  readonly targets: readonly string[];
}

export interface Selected {
  readonly root: MapNode;
  /** Services whose profiles are not active, with the first of them. */
  readonly inactive: ReadonlyMap<string, string>;
}

/** Leaves out services of profiles that are not active. Their keys are looked at all the same. */
export function selectServices(root: MapNode, { profiles, targets }: Selection, problems: Problems): Selected {
  const entry = root.entries.get('services');
  if (entry?.value.kind !== 'map') return { root, inactive: new Map() };
  const { entries } = entry.value;
  const own = new Map([...entries].map(([name, { value }]) => [name, profilesOf(value, problems)]));
  const active = new Set([...profiles, ...targets.flatMap((name) => own.get(name) ?? [])]);
  const isActive = (name: string): boolean => {
    const asked = own.get(name) ?? [];
    return asked.length === 0 || active.has('*') || asked.some((profile) => active.has(profile));
  };
  const kept = [...entries].filter(([name]) => isActive(name));
  const left = [...entries].filter(([name]) => !isActive(name));
  for (const [, { value }] of left) openMap(value, anyServiceKey, problems);
  const services = { ...entry, value: { ...entry.value, entries: new Map(kept) } };
  return {
    root: { ...root, entries: new Map([...root.entries, ['services', services]]) },
    inactive: new Map(left.map(([name]) => [name, own.get(name)?.[0] ?? ''])),
  };
}

/** What would be refused does not matter before it is asked for; a slip does. */
const anyServiceKey: Keys = {
  ...serviceKeys,
  known: [...serviceKeys.known, ...Object.keys(serviceKeys.unsupported ?? {})],
  unsupported: {},
};

function profilesOf(service: Node, problems: Problems): readonly string[] {
  const node = service.kind === 'map' ? service.entries.get('profiles')?.value : undefined;
  return node === undefined ? [] : (readList(readProfile)(node, problems) ?? []);
}

const readProfile = scalar('a profile: letters, digits, ".", "-" and "_"', 'Choose another name.', (text) =>
  /^[a-zA-Z0-9][\w.-]*$/.test(text) ? text : undefined,
);
