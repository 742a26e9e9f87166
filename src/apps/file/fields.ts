import { below, isNull, wordsFor, type MapNode, type Node, type Place } from './node.ts';
import type { Problems } from './problems.ts';

/** Reads one value; a reader that answers undefined has reported why. */
export type Reader<T> = (node: Node, problems: Problems) => T | undefined;

/** The keys of one mapping. Others that begin with `x-` are somebody else's and are left alone, as Compose does. */
export interface Keys {
  readonly known: readonly string[];
  /** Known to Compose or to minke, but not to this version: key -> why. */
  readonly unsupported?: Readonly<Record<string, Unsupported>>;
  /** What to say of a key that has its place elsewhere. */
  readonly misplaced?: (key: string) => string | undefined;
}

export interface Unsupported {
  readonly reason: string;
  readonly mend: string;
}

/** A mapping whose keys were checked; reading a key that is absent or null answers undefined. */
export interface Fields {
  readonly at: Place;
  read<T>(key: string, reader: Reader<T>): T | undefined;
  node(key: string): Node | undefined;
  /** Where the key stands, or the mapping where it is absent. */
  placeOf(key: string): Place;
}

/** Checks the keys of a mapping and reports each that does not belong; undefined when it is no mapping. */
export function openMap(node: Node, keys: Keys, problems: Problems): Fields | undefined {
  if (node.kind !== 'map') {
    problems.badValue(
      node.at,
      wordsFor(node),
      'it must be a mapping',
      `Write keys below it: ${keys.known.slice(0, 3).join(', ')}, ...`,
    );
    return undefined;
  }
  for (const [name, { key }] of node.entries) checkKey(name, key, keys, problems);
  return fieldsOf(node, problems);
}

export function fieldsOf(node: MapNode, problems: Problems): Fields {
  const present = (key: string): Node | undefined => {
    const value = node.entries.get(key)?.value;
    return value === undefined || isNull(value) ? undefined : value;
  };
  return {
    at: node.at,
    node: present,
    read: (key, reader) => {
      const value = present(key);
      return value === undefined ? undefined : reader(value, problems);
    },
    placeOf: (key) => node.entries.get(key)?.key ?? { ...node.at, path: below(node.at.path, key) },
  };
}

function checkKey(name: string, at: Place, keys: Keys, problems: Problems): void {
  if (keys.known.includes(name)) return;
  const unsupported = keys.unsupported?.[name];
  if (unsupported !== undefined) problems.unsupported(at, unsupported.reason, unsupported.mend);
  else if (!name.startsWith('x-') || name.startsWith('x-mink')) {
    const known = [...keys.known, ...Object.keys(keys.unsupported ?? {})];
    problems.unknownKey(at, name, known, keys.misplaced?.(name));
  }
}
