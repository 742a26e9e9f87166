import type { HealthcheckModel } from '../../model/health.ts';
import { defined } from './defined.ts';
import { openMap, type Reader } from './fields.ts';
import { healthcheckKeys } from './keys.ts';
import { wordsFor, type Node } from './node.ts';
import { readBoolean, readDuration, readInteger, readList, readText, readTimeLimit } from './readers.ts';

/** `healthcheck` of a service; `none` takes the image's away. */
export const readHealthcheck: Reader<HealthcheckModel | 'none'> = (node, problems) => {
  const fields = openMap(node, healthcheckKeys, problems);
  if (fields === undefined) return undefined;
  const test = fields.read('test', readTest);
  const isDisabled = fields.read('disable', readBoolean) ?? false;
  const times = {
    intervalMs: fields.read('interval', readTimeLimit),
    timeoutMs: fields.read('timeout', readTimeLimit),
    retries: fields.read('retries', readInteger(1)),
    startPeriodMs: fields.read('start_period', readDuration),
    startIntervalMs: fields.read('start_interval', readTimeLimit),
  };
  if (isDisabled && test !== undefined && test !== 'none') {
    problems.badValue(fields.placeOf('disable'), '"true"', '"test" says what to check', 'Keep one of the two.');
  }
  return isDisabled || test === 'none' ? 'none' : defined({ test, ...times });
};

/** A line for the shell, `[CMD, word, ...]`, `[CMD-SHELL, line]` or `[NONE]`. */
const readTest: Reader<readonly string[] | 'none'> = (node, problems) => {
  if (node.kind === 'scalar') return node.text.trim() === '' ? noTest(node, problems) : shell(node.text);
  const [kind, ...words] = readList(readText)(node, problems) ?? [];
  if (kind === 'NONE' && words.length === 0) return 'none';
  if (kind === 'CMD' && words.length > 0) return words;
  const [line = '', ...more] = words;
  return kind === 'CMD-SHELL' && line !== '' && more.length === 0 ? shell(line) : noTest(node, problems);
};

const shell = (line: string): readonly string[] => ['/bin/sh', '-c', line];

const noTest = (node: Node, problems: Parameters<Reader<unknown>>[1]): undefined =>
  problems.badValue(
    node.at,
    wordsFor(node),
    'it must be a command',
    'Write a line, ["CMD", WORD, ...], ["CMD-SHELL", LINE] or ["NONE"].',
  );
