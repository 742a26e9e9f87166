import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node as YamlNode,
  type Pair,
  type Range,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { below, type Entry, type MapNode, type MergeTag, type Node, type Place, type ScalarNode } from './node.ts';
import type { Problems } from './problems.ts';

/** Fills the variables of one text; the place is for its complaints. */
export type Interpolate = (text: string, at: Place) => string;

export interface YamlSource {
  /** Of the document: its first line, and no key. */
  readonly whole: Place;
  readonly text: string;
}

/** Generous for a file that people write (the largest Compose files in the wild have some thousand lines). */
const limits = { bytes: 1024 * 1024, nodes: 50_000, depth: 50, syntaxProblems: 5 } as const;

/** One YAML document as a tree with positions; undefined when it cannot be read at all. */
export function readYaml(source: YamlSource, interpolate: Interpolate, problems: Problems): Node | undefined {
  const { whole } = source;
  if (Buffer.byteLength(source.text) > limits.bytes) {
    problems.syntax(whole, 'it is larger than 1 MiB', 'Is this the right file?');
    return undefined;
  }
  const lines = new LineCounter();
  // Duplicate keys are found below, where their full path is known.
  const document = parseDocument(source.text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  if (reportSyntax(document, whole, lines, problems)) return undefined;
  const lineOf = (node: YamlNode | null): number => lines.linePos(node?.range?.[0] ?? 0).line;
  const reading: Reading = { document, lineOf, interpolate, problems, nodes: 0 };
  try {
    return toNode(document.contents, whole, reading, 0);
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    problems.syntax({ ...whole, line: error.line }, error.message, 'Write it flatter, with fewer anchors.');
    return undefined;
  }
}

interface Reading {
  readonly document: Document.Parsed;
  readonly lineOf: (node: YamlNode | null) => number;
  readonly interpolate: Interpolate;
  readonly problems: Problems;
  nodes: number;
}

/** Ends the reading of a file that grows without bounds (aliases of aliases, an anchor inside itself). */
class TooMuch extends Error {
  readonly line: number;
  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

function reportSyntax(document: Document.Parsed, whole: Place, lines: LineCounter, problems: Problems): boolean {
  const tags = document.warnings.filter((warning) => !/!(?:reset|override)$/.test(warning.message));
  const seen = new Set<number>();
  for (const error of [...document.errors, ...tags]) {
    const { line } = lines.linePos(startOf(error, document));
    if (seen.has(line) || seen.size >= limits.syntaxProblems) continue;
    seen.add(line);
    const { reason, mend } = inWords(error);
    problems.syntax({ ...whole, line }, reason, mend);
  }
  return seen.size > 0;
}

/** An open quote or bracket is noticed where the text ends; what is to be mended stands where it begins. */
function startOf(error: YAMLError, document: Document.Parsed): number {
  const [end] = error.pos;
  let start = end;
  const spans = (range: Range | null | undefined): range is Range => !!range && range[0] <= end && end <= range[2];
  visit(document, {
    Scalar: (_, { type, range }) => {
      if (isOpenQuote(error) && type?.startsWith('QUOTE') === true && spans(range)) [start] = range;
    },
    Collection: (_, { flow, range }) => {
      if (isOpenBracket(error) && flow === true && spans(range)) [start] = range;
    },
  });
  return start;
}

const isOpenQuote = ({ message }: YAMLError): boolean => message.startsWith('Missing closing');

const isOpenBracket = ({ message }: YAMLError): boolean => /and end with a [\]}]$/.test(message);

function inWords(error: YAMLError): { readonly reason: string; readonly mend: string } {
  const { code, message } = error;
  if (isOpenQuote(error)) return { reason: 'a quote is not closed', mend: 'Close it.' };
  if (isOpenBracket(error)) return { reason: 'a bracket is not closed', mend: 'Close it.' };
  if (/^Implicit (?:map )?keys need/.test(message)) return { reason: 'a ":" is missing', mend: 'Write KEY: VALUE.' };
  switch (code) {
    case 'TAB_AS_INDENT':
      return { reason: 'a tab indents this line', mend: 'Indent with spaces.' };
    case 'BAD_INDENT':
      return { reason: 'the indentation fits nothing above it', mend: 'Keys of one mapping start in the same column.' };
    case 'MULTIPLE_DOCS':
      return { reason: 'a second document begins here', mend: 'Take out the line "---".' };
    case 'BLOCK_AS_IMPLICIT_KEY':
      return { reason: 'a mapping begins in the middle of a line', mend: 'Put text that contains ": " in quotes.' };
    case 'RESOURCE_EXHAUSTION':
      return { reason: 'it is nested too deeply', mend: 'Write it flatter.' };
    case 'TAG_RESOLVE_FAILED':
      return { reason: `"${message.replace('Unresolved tag: ', '')}" is not a tag`, mend: 'Take the tag out.' };
    default:
      return { reason: message, mend: 'Mend the YAML of this line.' };
  }
}

function toNode(yaml: YamlNode | null, at: Place, reading: Reading, depth: number): Node {
  reading.nodes += 1;
  if (reading.nodes > limits.nodes) throw new TooMuch(`it has more than ${limits.nodes} values`, at.line);
  if (depth > limits.depth) throw new TooMuch('it is nested too deeply', at.line);
  if (isAlias(yaml)) return fromAlias(yaml, at, reading, depth);
  if (isMap(yaml)) return fromMap(yaml, at, reading, depth);
  if (!isSeq(yaml)) return toScalar(yaml, at, reading);
  const items = (yaml.items as (YamlNode | null)[]).map((item, index) =>
    toNode(item, { ...at, line: lineOr(at.line, item, reading), path: `${at.path}[${index}]` }, reading, depth + 1),
  );
  return { kind: 'list', at, items, ...mergeTag(yaml) };
}

function fromAlias(alias: YamlNode & { source: string }, at: Place, reading: Reading, depth: number): Node {
  const anchored = isAlias(alias) ? alias.resolve(reading.document) : undefined;
  if (anchored !== undefined) {
    return toNode(anchored, { ...at, line: reading.lineOf(anchored) }, reading, depth + 1);
  }
  reading.problems.syntax(
    at,
    `"*${alias.source}" has no anchor above it`,
    `Write &${alias.source} where it is defined.`,
  );
  return { kind: 'scalar', at, text: '', isNull: true };
}

function toScalar(yaml: YamlNode | null, at: Place, reading: Reading): ScalarNode {
  // What `!reset` stands before does not count.
  if (!isScalar(yaml) || yaml.value === null || yaml.tag === '!reset') {
    return { kind: 'scalar', at, text: '', isNull: true, ...mergeTag(yaml) };
  }
  const written = writtenAs(yaml);
  return { kind: 'scalar', at, text: reading.interpolate(written, at), isNull: false, ...mergeTag(yaml) };
}

/** Numbers as written: 1.10 is a version to most people, not 1.1. */
const writtenAs = ({ value, source }: Scalar): string => (typeof value === 'string' ? value : (source ?? ''));

function fromMap(yaml: YAMLMap, at: Place, reading: Reading, depth: number): MapNode {
  const own = new Map<string, Entry>();
  const merged = new Map<string, Entry>();
  for (const pair of yaml.items as Pair<YamlNode | null, YamlNode | null>[]) {
    const name = keyOf(pair, at, reading);
    if (name === undefined) continue;
    const key: Place = { ...at, line: reading.lineOf(pair.key), path: below(at.path, name) };
    const first = own.get(name);
    if (name === '<<') addMerged(pair.value, { ...key, path: at.path }, merged, reading, depth);
    else if (first !== undefined) reportTwice(key, first.key.line, reading);
    else own.set(name, { key, value: toNode(pair.value, valueAt(key, pair.value, reading), reading, depth + 1) });
  }
  return { kind: 'map', at, entries: new Map([...merged, ...own]), ...mergeTag(yaml) };
}

function keyOf(pair: Pair<YamlNode | null, YamlNode | null>, at: Place, reading: Reading): string | undefined {
  if (isScalar(pair.key) && pair.key.value !== null) {
    return writtenAs(pair.key);
  }
  const line = lineOr(at.line, pair.key, reading);
  reading.problems.syntax({ ...at, line }, 'a key must be a word', 'Write KEY: VALUE.');
  return undefined;
}

/** `<<` takes a mapping or a list of them; the first one that has a key wins, and a key of the mapping itself before all. */
function addMerged(
  yaml: YamlNode | null,
  at: Place,
  merged: Map<string, Entry>,
  reading: Reading,
  depth: number,
): void {
  const target = isAlias(yaml) ? (yaml.resolve(reading.document) ?? yaml) : yaml;
  for (const item of isSeq(target) ? (target.items as (YamlNode | null)[]) : [target]) {
    const source = toNode(item, at, reading, depth + 1);
    if (source.kind !== 'map') {
      reading.problems.syntax(at, '"<<" merges something that is not a mapping', 'Give it an alias of a mapping.');
      continue;
    }
    for (const [name, entry] of source.entries) if (!merged.has(name)) merged.set(name, entry);
  }
}

function reportTwice(key: Place, firstLine: number, reading: Reading): void {
  reading.problems.badValue(key, 'given twice', `it is on line ${firstLine} already`, 'Keep one of the two.');
}

/** A mapping or a list is shown where its key stands, a scalar where it stands itself. */
function valueAt(key: Place, yaml: YamlNode | null, reading: Reading): Place {
  return isMap(yaml) || isSeq(yaml) ? key : { ...key, line: lineOr(key.line, yaml, reading) };
}

function lineOr(line: number, yaml: YamlNode | null, reading: Reading): number {
  return yaml?.range === undefined || yaml.range === null ? line : reading.lineOf(yaml);
}

function mergeTag(yaml: YamlNode | null): { readonly merge?: MergeTag } {
  const tag = isMap(yaml) || isSeq(yaml) || isScalar(yaml) ? yaml.tag : undefined;
  if (tag === '!reset') return { merge: 'reset' };
  return tag === '!override' ? { merge: 'override' } : {};
}
