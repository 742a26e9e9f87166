import { serviceKeys } from '../keys.ts';
import { below, type Entry, type MapNode, type Node } from '../node.ts';

/**
 * A file of Compose v1, whose services stand at the top level, as the same file of today: services below `services`,
 * `dockerfile` inside `build`, `net` as `network_mode`, the log's driver below `logging`, and the volumes that services name
 * declared. Other files are answered as they are.
 */
export function upgradeVersionOne(root: MapNode): MapNode {
  if (!isVersionOne(root)) return root;
  const services = [...root.entries].filter(([name]) => name !== 'version' && !name.startsWith('x-'));
  const upgraded = services.map(([name, { key, value }]): [string, Entry] => [
    name,
    { key, value: value.kind === 'map' ? upgradeService(value) : value },
  ]);
  const others = [...root.entries].filter(([name]) => name.startsWith('x-'));
  const volumes = upgraded.flatMap(([, { value }]) => namedVolumes(value));
  return {
    ...root,
    entries: new Map([
      ...others,
      ['services', { key: root.at, value: mapOf(root, upgraded) }],
      ...(volumes.length === 0 ? [] : ([['volumes', { key: root.at, value: mapOf(root, volumes) }]] as const)),
    ]),
  };
}

const mapOf = ({ at }: Node, entries: readonly (readonly [string, Entry])[]): MapNode => ({
  kind: 'map',
  at,
  entries: new Map(entries),
});

/** It may say `version: "1"`; a later version has `services`. */
function isVersionOne({ entries }: MapNode): boolean {
  const version = entries.get('version')?.value;
  const isOne = version === undefined || (version.kind === 'scalar' && /^1(?:\.0*)?$/.test(version.text));
  if (!isOne || entries.has('services') || entries.has('include')) return false;
  return [...entries.values()].some(({ value }) => looksLikeService(value));
}

function looksLikeService(node: Node): boolean {
  if (node.kind !== 'map') return false;
  const keys = [...node.entries.keys()];
  const isKey = (key: string): boolean =>
    Object.hasOwn(moved, key) || serviceKeys.known.includes(key) || Object.hasOwn(serviceKeys.unsupported ?? {}, key);
  return ['image', 'build', 'extends'].some((key) => keys.includes(key)) && keys.some(isKey);
}

/** Where a key of v1 stands today. */
const moved: Readonly<Record<string, readonly [string] | readonly [string, string]>> = {
  dockerfile: ['build', 'dockerfile'],
  log_driver: ['logging', 'driver'],
  log_opt: ['logging', 'options'],
  net: ['network_mode'],
};

function upgradeService(service: MapNode): MapNode {
  const entries = new Map<string, Entry>();
  for (const [name, entry] of service.entries) if (!Object.hasOwn(moved, name)) entries.set(name, entry);
  for (const [name, entry] of service.entries) {
    const [outer, inner] = moved[name] ?? [];
    if (outer !== undefined) entries.set(outer, inner === undefined ? entry : within(entries.get(outer), inner, entry));
  }
  return { ...service, entries };
}

/** `build: FOLDER` becomes a mapping with the folder as its context. */
function within(there: Entry | undefined, name: string, entry: Entry): Entry {
  const before = there?.value.kind === 'scalar' ? [['context', { ...there, value: there.value }] as const] : [];
  const kept = there?.value.kind === 'map' ? [...there.value.entries] : before;
  const at = there?.value.at ?? entry.key;
  return { key: there?.key ?? entry.key, value: mapOf({ ...entry.value, at }, [...kept, [name, entry]]) };
}

/** v1 declares no volumes: a name in the place of a path is one. */
function namedVolumes(service: Node): readonly (readonly [string, Entry])[] {
  const list = service.kind === 'map' ? service.entries.get('volumes')?.value : undefined;
  const items = list?.kind === 'list' ? list.items : [];
  return items.flatMap((item) => {
    const [source = '', target] = item.kind === 'scalar' ? item.text.split(':') : [];
    if (target === undefined || !/^[a-zA-Z0-9]/.test(source)) return [];
    const at = { ...item.at, path: below('volumes', source) };
    return [[source, { key: at, value: { kind: 'scalar', at, text: '', isNull: true } }] as const];
  });
}
