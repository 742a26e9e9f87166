import { wordsFor, type Node, type ScalarNode } from './node.ts';
import type { Reader } from './fields.ts';
import { suggestion } from './problems.ts';
import { parseBytes, parseDuration } from './quantities.ts';
import { splitCommand } from './split-command.ts';

/** The readers of plain values. */

export const readText: Reader<string> = scalar('a text', 'Write one value.', (text) => text);

export const readWord: Reader<string> = scalar('a text', 'Write a value, or take the key out.', (text) =>
  text.trim() === '' ? undefined : text.trim(),
);

export const readBoolean: Reader<boolean> = scalar('true or false', 'Write true or false.', (text) => {
  if (/^(?:true|yes|on|y)$/i.test(text)) return true;
  return /^(?:false|no|off|n)$/i.test(text) ? false : undefined;
});

export const readInteger = (least: number, most = Number.MAX_SAFE_INTEGER): Reader<number> =>
  scalar(
    most === Number.MAX_SAFE_INTEGER ? `a whole number, ${least} or more` : `a whole number from ${least} to ${most}`,
    `Write a number, such as ${Math.max(least, 1)}.`,
    (text) => (/^\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined),
  );

export const readCores: Reader<number> = scalar(
  'a number of cores',
  'Write a number, such as 0.5 or 2; 0 is no limit.',
  (text) => (/^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined),
);

export const readPort: Reader<number> = readInteger(1, 65_535);

/** Milliseconds. */
export const readDuration: Reader<number> = scalar(
  'a time with its unit',
  'Write a unit: 500ms, 30s, 10m, 1h30m.',
  parseDuration,
);

/** Milliseconds, more than none. */
export const readTimeLimit: Reader<number> = scalar(
  'a time with its unit, more than 0',
  'Write a unit: 500ms, 30s, 10m.',
  (text) => {
    const ms = parseDuration(text);
    return ms === 0 ? undefined : ms;
  },
);

/** Bytes; 0 stands for no limit. */
export const readBytes: Reader<number> = scalar('an amount of memory', 'Write a unit: 64m, 512m, 1.5g.', parseBytes);

/** An absolute path; a slash at its end does not count. */
export const readAbsolutePath: Reader<string> = scalar('an absolute path', 'Begin it with "/".', (text) =>
  text.startsWith('/') && !text.split('/').includes('..') ? text.replace(/(?<=.)\/+$/, '') : undefined,
);

export function readOneOf<T extends string>(values: readonly T[]): Reader<T> {
  return (node, problems) => {
    const found = node.kind === 'scalar' ? values.find((value) => value === node.text) : undefined;
    if (found === undefined) {
      const mend = suggestion(node.kind === 'scalar' ? node.text : '', values);
      problems.badValue(node.at, wordsFor(node), `it must be one of ${values.join(', ')}`, mend);
    }
    return found;
  };
}

/** A list, or one value that stands for a list of one; a label's value is split at its commas. */
export function readList<T>(reader: Reader<T>): Reader<readonly T[]> {
  return (node, problems) => {
    const items = itemsOf(node).map((item) => reader(item, problems));
    return items.every((item) => item !== undefined) ? items : undefined;
  };
}

export function itemsOf(node: Node): readonly Node[] {
  if (node.kind === 'list') return node.items;
  if (node.kind !== 'scalar' || node.isLabel !== true) return [node];
  return node.text
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text): ScalarNode => ({ kind: 'scalar', at: node.at, text, isNull: false, isLabel: true }));
}

/** A list as it is, or a line that is split as a shell would. */
export const readCommand: Reader<readonly string[]> = (node, problems) => {
  if (node.kind === 'list') return readList(readText)(node, problems);
  const words = node.kind === 'scalar' ? splitCommand(node.text) : undefined;
  if (words === undefined) {
    const reason = node.kind === 'scalar' ? 'a quote in it is not closed' : 'it must be a command';
    problems.badValue(node.at, wordsFor(node), reason, 'Write a line, or a list of words: ["sh", "-c", "echo hello"].');
  }
  return words;
};

/** `{KEY: value}` or `[KEY=value, KEY]`; a key without a value reads as undefined. */
export const readPairs: Reader<readonly Pair[]> = (node, problems) => {
  if (node.kind === 'map') {
    return [...node.entries].flatMap(([name, { value }]): Pair[] => {
      if (value.kind === 'scalar') return [{ name, value: value.isNull ? undefined : value.text, node: value }];
      problems.badValue(value.at, wordsFor(value), 'it must be a text', 'Write one value.');
      return [];
    });
  }
  if (node.kind === 'list') return node.items.flatMap((item) => pairOf(item, problems) ?? []);
  problems.badValue(node.at, wordsFor(node), 'it must be a mapping or a list', 'Write KEY: value, or - KEY=value.');
  return undefined;
};

export interface Pair {
  readonly name: string;
  readonly value: string | undefined;
  readonly node: ScalarNode;
}

const pairOf: Reader<Pair> = (item, problems) => {
  const equals = item.kind === 'scalar' ? item.text.indexOf('=') : -1;
  if (item.kind !== 'scalar' || item.text === '' || equals === 0) {
    problems.badValue(item.at, wordsFor(item), 'it must be KEY=value', 'Write - KEY=value.');
    return undefined;
  }
  if (equals === -1) return { name: item.text, value: undefined, node: item };
  return { name: item.text.slice(0, equals), value: item.text.slice(equals + 1), node: item };
};

export function scalar<T>(what: string, mend: string, parse: (text: string) => T | undefined): Reader<T> {
  return (node, problems) => {
    const value = node.kind === 'scalar' && !node.isNull ? parse(node.text) : undefined;
    if (value === undefined) problems.badValue(node.at, wordsFor(node), `it must be ${what}`, mend);
    return value;
  };
}
