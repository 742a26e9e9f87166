import { isNull, type Entry, type ListNode, type MapNode, type Node } from '../node.ts';

/**
 * Two app files as one, by Compose's rules: mappings merge key by key, scalars of the later file win, lists are appended
 * without doubles. What a service starts is one thing and is replaced; lists of `KEY=value` merge by their key, volumes, secrets
 * and configs by their target, ports by what they publish. `!reset` takes a value away, `!override` replaces it whole.
 */
export const mergeFiles = (base: MapNode, later: MapNode): MapNode => mergeMaps([], base, later);

/** The same for two services, the way `extends` joins them. */
export const mergeServices = (base: MapNode, later: MapNode): MapNode => mergeMaps(['services', ''], base, later);

/** Keys on the way from the root of the file. */
type Path = readonly string[];

function mergeMaps(path: Path, base: MapNode, later: MapNode): MapNode {
  const entries = new Map(base.entries);
  for (const [name, entry] of later.entries) {
    const before = entries.get(name);
    const value = before === undefined ? entry.value : mergeValues([...path, name], before.value, entry.value);
    if (entry.value.merge === 'reset') entries.delete(name);
    else entries.set(name, { key: entry.key, value });
  }
  return { ...base, entries };
}

const words = (text: string): readonly string[] => text.split(' ');

/** Keys of a service, by how two values of theirs meet; any other is merged by what it looks like. */
const rules: readonly (readonly [merge: (path: Path, base: Node, later: Node) => Node, keys: readonly string[]])[] = [
  [(_, __, later) => later, ['command', 'entrypoint', 'healthcheck.test']],
  [
    (path, base, later) => mergeAlike(path, asMap(base), asMap(later)),
    words(
      `environment labels annotations build.args build.labels deploy.labels depends_on sysctls extra_hosts networks`,
    ),
  ],
  [(path, base, later) => mergeAlike(path, asBuild(base), asBuild(later)), ['build']],
  [mergeLogging, ['logging']],
  [
    (path, base, later) => mergeAlike(path, asList(base), asList(later)),
    ['dns', 'dns_search', 'dns_opt', 'env_file', 'tmpfs', 'label_file'],
  ],
];

function mergeValues(path: Path, base: Node, later: Node): Node {
  if (later.merge === 'override') return later;
  const key = path[0] === 'services' ? path.slice(2).join('.') : '';
  const [merge] = rules.find(([, keys]) => keys.includes(key)) ?? [mergeAlike];
  return isNull(later) && later.merge === undefined && key !== '' && base.kind !== 'scalar'
    ? base
    : merge(path, base, later);
}

function mergeAlike(path: Path, base: Node, later: Node): Node {
  if (base.kind === 'map' && later.kind === 'map') return mergeMaps(path, base, later);
  if (base.kind === 'list' && later.kind === 'list') return mergeLists(path, base, later);
  return later;
}

/** `[KEY=value, NAME, host:address]` as `{KEY: value, NAME: null, host: address}`. */
function asMap(node: Node): Node {
  if (node.kind !== 'list') return node;
  const entries = new Map<string, Entry>();
  for (const item of node.items) {
    if (item.kind !== 'scalar') return node;
    const cut = item.text.includes('=') ? item.text.indexOf('=') : hostEnd(node, item.text);
    const name = cut === -1 ? item.text : item.text.slice(0, cut);
    const text = cut === -1 ? '' : item.text.slice(cut + 1);
    entries.set(name, { key: item.at, value: { ...item, text, isNull: cut === -1 } });
  }
  return { kind: 'map', at: node.at, entries };
}

/** Only `extra_hosts` writes `host:address`. */
const hostEnd = (list: ListNode, text: string): number =>
  list.at.path.endsWith('.extra_hosts') ? text.indexOf(':') : -1;

/** `build: FOLDER` as `{context: FOLDER}`. */
function asBuild(node: Node): Node {
  if (node.kind !== 'scalar' || node.isNull) return node;
  return { kind: 'map', at: node.at, entries: new Map([['context', { key: node.at, value: node }]]) };
}

const asList = (node: Node): Node =>
  node.kind === 'list' || isNull(node) ? node : { kind: 'list', at: node.at, items: [node] };

/** Options of one driver say nothing to another. */
function mergeLogging(path: Path, base: Node, later: Node): Node {
  const [before, after] = [textAt(base, 'driver'), textAt(later, 'driver')];
  return after !== '' && before !== '' && before !== after ? later : mergeAlike(path, base, later);
}

function mergeLists(path: Path, base: ListNode, later: ListNode): ListNode {
  const identity = identities[path.at(-1) ?? ''] ?? wordsOf;
  const replaced = new Set(later.items.map(identity));
  return { ...later, items: [...base.items.filter((item) => !replaced.has(identity(item))), ...later.items] };
}

/** What makes two items of a list the same one. */
const identities: Readonly<Record<string, (item: Node) => string>> = {
  volumes: targetOfVolume,
  secrets: targetOfGrant,
  configs: targetOfGrant,
  ports: (item) => (item.kind === 'map' ? longPort(item) : wordsOf(item)),
};

function targetOfVolume(volume: Node): string {
  if (volume.kind === 'map') return textAt(volume, 'target');
  if (volume.kind === 'list') return wordsOf(volume);
  const parts = volume.text.split(':');
  return parts[1] ?? volume.text;
}

function targetOfGrant(grant: Node): string {
  return grant.kind === 'map' ? textAt(grant, 'target') || textAt(grant, 'source') : wordsOf(grant);
}

/** As the short syntax writes it. */
function longPort(port: MapNode): string {
  const [ip, published, target, protocol] = ['host_ip', 'published', 'target', 'protocol'].map((key) =>
    textAt(port, key),
  );
  const host = [ip, published].filter((part) => part !== '').join(':');
  return `${host === '' ? '' : `${host}:`}${target}${protocol === 'udp' ? '/udp' : ''}`;
}

const textAt = (node: Node, key: string): string => (node.kind === 'map' ? wordsOf(node.entries.get(key)?.value) : '');

/** The value without its places, for comparison. */
export function wordsOf(node: Node | undefined): string {
  if (node === undefined) return '';
  if (node.kind === 'scalar') return node.text;
  if (node.kind === 'list') return JSON.stringify(node.items.map(wordsOf));
  return JSON.stringify([...node.entries].map(([key, { value }]) => [key, wordsOf(value)]));
}
