import type { Entry, ListNode, MapNode, Node } from './node.ts';

/**
 * Two app files as one, by Compose's rules: mappings merge key by key, scalars of the later file win, lists are appended
 * without doubles. A command or an entry point is one thing and is replaced; lists of `KEY=value` merge by their key, volumes
 * by their target. `!reset` takes a value away, `!override` replaces it whole.
 */
export function mergeFiles(base: MapNode, later: MapNode): MapNode {
  const entries = new Map(base.entries);
  for (const [name, entry] of later.entries) {
    const before = entries.get(name);
    const value = before === undefined ? entry.value : mergeValues(name, before.value, entry.value);
    if (entry.value.merge === 'reset') entries.delete(name);
    else entries.set(name, { key: entry.key, value });
  }
  return { ...base, entries };
}

const whole = new Set(['command', 'entrypoint', 'test']);
const byKey = new Set(['environment', 'labels', 'args', 'depends_on', 'sysctls', 'extra_hosts', 'annotations']);

function mergeValues(name: string, base: Node, later: Node): Node {
  if (later.merge === 'override' || whole.has(name)) return later;
  if (byKey.has(name)) return mergeMaps(asMap(base), asMap(later)) ?? later;
  if (base.kind === 'map' && later.kind === 'map') return mergeFiles(base, later);
  if (base.kind === 'list' && later.kind === 'list') return mergeLists(name, base, later);
  return later;
}

const mergeMaps = (base: Node, later: Node): Node | undefined =>
  base.kind === 'map' && later.kind === 'map' ? mergeFiles(base, later) : undefined;

/** `[KEY=value, NAME]` as `{KEY: value, NAME: null}`. */
function asMap(node: Node): Node {
  if (node.kind !== 'list') return node;
  const entries = new Map<string, Entry>();
  for (const item of node.items) {
    if (item.kind !== 'scalar') return node;
    const equals = item.text.indexOf('=');
    const name = equals === -1 ? item.text : item.text.slice(0, equals);
    const text = equals === -1 ? '' : item.text.slice(equals + 1);
    entries.set(name, { key: item.at, value: { ...item, text, isNull: equals === -1 } });
  }
  return { kind: 'map', at: node.at, entries };
}

function mergeLists(name: string, base: ListNode, later: ListNode): ListNode {
  const identity = name === 'volumes' ? targetOf : wordsOf;
  const replaced = new Set(later.items.map(identity));
  return { ...later, items: [...base.items.filter((item) => !replaced.has(identity(item))), ...later.items] };
}

function targetOf(volume: Node): string {
  if (volume.kind === 'map') return wordsOf(volume.entries.get('target')?.value);
  if (volume.kind === 'list') return wordsOf(volume);
  const parts = volume.text.split(':');
  return parts[1] ?? volume.text;
}

/** The value without its places, for comparison. */
function wordsOf(node: Node | undefined): string {
  if (node === undefined) return '';
  if (node.kind === 'scalar') return node.text;
  if (node.kind === 'list') return JSON.stringify(node.items.map(wordsOf));
  return JSON.stringify([...node.entries].map(([key, { value }]) => [key, wordsOf(value)]));
}
