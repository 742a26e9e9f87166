/**
 * The app file as a tree of values that know where they were written and under which key they lie, so that every
 * problem can name both. Scalars are text: what a text means is for the reader of its key to say, since `${VAR}` may
 * stand for a number or a boolean as well.
 */
export type Node = MapNode | ListNode | ScalarNode;

export interface Place {
  /** As shown to people: relative to the folder of the first app file where it lies inside it. */
  readonly file: string;
  /** Absolute; where relative paths of this value begin. */
  readonly folder: string;
  /** Counted from 1. */
  readonly line: number;
  /** The full path of the key: `services.vote.x-minke.route[1]`; empty for the whole file. */
  readonly path: string;
}

export interface MapNode {
  readonly kind: 'map';
  readonly at: Place;
  readonly entries: ReadonlyMap<string, Entry>;
  readonly merge?: MergeTag;
}

export interface Entry {
  /** Where the key stands; its value may begin on a later line. */
  readonly key: Place;
  readonly value: Node;
}

export interface ListNode {
  readonly kind: 'list';
  readonly at: Place;
  readonly items: readonly Node[];
  readonly merge?: MergeTag;
}

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly at: Place;
  /** As written, with variables filled in; empty for null. */
  readonly text: string;
  readonly isNull: boolean;
  /** From a label, where a list is written with commas. */
  readonly isLabel?: boolean;
  readonly merge?: MergeTag;
}

/** How a value meets the one of an earlier file: `!reset` takes it away, `!override` replaces it whole. */
export type MergeTag = 'reset' | 'override';

export const isNull = (node: Node): boolean => node.kind === 'scalar' && node.isNull;

export const below = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

/** What a value is, in words for a message. */
export function wordsFor(node: Node): string {
  if (node.kind === 'map') return 'a mapping';
  if (node.kind === 'list') return 'a list';
  return node.isNull ? 'empty' : `"${node.text}"`;
}
