import { isDeepStrictEqual } from 'node:util';
import { below, isNull, type Entry, type MapNode, type Node, type Place, type ScalarNode } from './node.ts';
import type { Problems } from './problems.ts';
import { itemsOf, type Pair } from './readers.ts';

/** Every key of `x-minke` may also be a label: `minke.function: cgi`, `minke.pack.include: /usr/bin/psql,/bin/sh`. */
export const isOurLabel = ({ name }: Pair): boolean => name.startsWith('minke.');

/** `x-minke` and the labels of the same meaning as one mapping; undefined when there is neither. */
export function joinLabels(
  block: Node | undefined,
  labels: readonly Pair[],
  at: Place,
  problems: Problems,
): Node | undefined {
  if (labels.length === 0) return block;
  if (block !== undefined && block.kind !== 'map' && !isNull(block)) return block;
  const root: Branch = block?.kind === 'map' ? branchOf(block) : { at: labels[0]?.node.at ?? at, entries: new Map() };
  for (const label of labels) put(root, label.name.split('.').slice(1), label, problems);
  return toMap(root);
}

interface Branch {
  readonly at: Place;
  readonly entries: Map<string, Entry | Branch>;
}

const branchOf = (node: MapNode): Branch => ({ at: node.at, entries: new Map(node.entries) });

function put(branch: Branch, path: readonly string[], label: Pair, problems: Problems): void {
  const [name = '', ...rest] = path;
  const at = placeOf(label, rest.length);
  const there = branch.entries.get(name);
  if (rest.length > 0) {
    const child = there === undefined ? { at, entries: new Map() } : openBranch(there);
    if (child === undefined) return twice(label, problems);
    branch.entries.set(name, child);
    return put(child, rest, label, problems);
  }
  const { node, value } = label;
  const said: ScalarNode = { ...node, at, isNull: value === undefined, text: value ?? '', isLabel: true };
  if (there === undefined) branch.entries.set(name, { key: at, value: said });
  else if ('entries' in there || !isSame(there.value, said)) twice(label, problems);
}

/** Whoever says a thing in both spellings may, as long as it is one thing. */
function isSame(written: Node, label: ScalarNode): boolean {
  const [items, others] = [itemsOf(written), itemsOf(label)];
  const texts = items.flatMap((item) => (item.kind === 'scalar' ? [item.text] : []));
  return (
    texts.length === items.length &&
    isDeepStrictEqual(
      texts,
      others.map((item) => item.kind === 'scalar' && item.text),
    )
  );
}

function openBranch(there: Entry | Branch): Branch | undefined {
  if ('entries' in there) return there;
  return there.value.kind === 'map' ? branchOf(there.value) : undefined;
}

const twice = (label: Pair, problems: Problems): void =>
  problems.badValue(
    placeOf(label, 0),
    'given twice',
    '"x-minke" or another label says it already, and otherwise',
    'Keep one of the two.',
  );

/** The key as it is written as a label, less the last `shorter` parts. */
function placeOf({ name, node }: Pair, shorter: number): Place {
  const parts = name.split('.');
  const path = node.at.path.replace(/((?:^|\.)labels).*$/s, '$1');
  return { ...node.at, path: below(path, parts.slice(0, parts.length - shorter).join('.')) };
}

function toMap(branch: Branch): MapNode {
  const entries = [...branch.entries].map(([name, entry]): [string, Entry] =>
    'entries' in entry ? [name, { key: entry.at, value: toMap(entry) }] : [name, entry],
  );
  return { kind: 'map', at: branch.at, entries: new Map(entries) };
}
