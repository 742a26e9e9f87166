import { describe, expect, it } from 'vitest';
import { interpolate } from './interpolate.ts';
import { nearest } from './nearest.ts';
import { parseBytes, parseDuration, parsePorts } from './quantities.ts';
import { readDotenv, readRawEnv } from './read-dotenv.ts';
import { splitCommand } from './split-command.ts';

describe('variables', () => {
  const variables = (name: string): string | undefined => ({ SET: 'value', EMPTY: '', OTHER: 'other' })[name];

  it.each([
    ['$SET and ${SET}', 'value and value'],
    ['a $$ and $${SET}', 'a $ and ${SET}'],
    ['${NONE-default} ${EMPTY-default}', 'default '],
    ['${NONE:-default} ${EMPTY:-default} ${SET:-default}', 'default default value'],
    ['${NONE:-${EMPTY:-${OTHER}}}', 'other'],
    ['${SET:+yes} ${EMPTY:+yes} ${EMPTY+yes} ${NONE+yes}', 'yes  yes '],
    ['${SET:?needed}', 'value'],
    ['${NONE:-a}b}', 'ab}'],
  ])('%s reads as "%s"', (text, filled) => {
    expect(interpolate(text, variables)).toEqual({ text: filled, unset: [] });
  });

  /** What each operator makes of a variable that is unset, empty and set; undefined: an error. */
  const operators: Readonly<Record<string, readonly (string | undefined)[]>> = {
    ':-': ['D', 'D', 'value'],
    '-': ['D', '', 'value'],
    ':+': ['', '', 'D'],
    '+': ['', 'D', 'D'],
    ':?': [undefined, undefined, 'value'],
    '?': [undefined, '', 'value'],
  };
  const states = ['NONE', 'EMPTY', 'SET'] as const;
  const outcomes = Object.entries(operators).flatMap(([operator, results]) =>
    states.map((name, index) => ({ operator, name, result: results[index] })),
  );

  it.each(outcomes)('CO-5 ${$name$operatorD} is $result', ({ operator, name, result }) => {
    const { text, failure } = interpolate(`\${${name}${operator}D}`, variables);
    expect(failure === undefined ? text : undefined).toBe(result);
  });

  it('CO-5 nested in one another mean what they mean alone, and what is not needed is not asked for', () => {
    for (const outer of outcomes) {
      for (const inner of outcomes) {
        const argument = `\${${inner.name}${inner.operator}D}`;
        const text = `<\${${outer.name}${outer.operator}${argument}}>`;
        // The message of an error is filled in as well; an error it is in any case.
        const expected = outer.result === 'D' ? inner.result : outer.result;
        const { text: filled, failure } = interpolate(text, variables);
        expect([text, failure === undefined ? filled : undefined]).toEqual([
          text,
          expected === undefined ? undefined : `<${expected}>`,
        ]);
      }
    }
  });

  it('CO-5 leave every other text as it is, and a text whose dollars are doubled as it was', () => {
    const letters = ['$', '{', '}', ':', '-', 'a', ' ', '"'];
    for (let number = 0; number < 4096; number += 1) {
      const text = [0, 1, 2, 3].map((place) => letters[Math.floor(number / 8 ** place) % 8] ?? '').join('');
      expect(interpolate(text.replaceAll('$', '$$$$'), variables)).toEqual({ text, unset: [] });
    }
  });

  it('names those that are not set and have no default', () => {
    expect(interpolate('${NONE}$NOWHERE${SET}', variables)).toEqual({ text: 'value', unset: ['NONE', 'NOWHERE'] });
  });

  it.each([
    ['${EMPTY:?say it}', 'the variable EMPTY is empty: say it'],
    ['${NONE?}', 'the variable NONE is not set'],
    ['${SET', '"${" is not closed'],
    ['${1x}', '"${1x}" is not a variable'],
    ['$ 5', 'a "$" stands before something that is no variable'],
  ])('%s is refused: %s', (text, reason) => {
    expect(interpolate(text, variables).failure?.reason).toBe(reason);
  });
});

describe('an env file', () => {
  const read = (text: string): unknown => Object.fromEntries(readDotenv(text, () => undefined).entries);

  it.each([
    ['A=1\nB = two words \nC:three', { A: '1', B: 'two words', C: 'three' }],
    ['# comment\n\nexport A=1 # note\nB=a#b', { A: '1', B: 'a#b' }],
    ['A=\'$X \\n\'\nB="x\\ty\\$"', { A: '$X \\n', B: 'x\ty$' }],
    ['A="first\nsecond"\nB=1', { A: 'first\nsecond', B: '1' }],
    ['A=1\nB=${A}2', { A: '1', B: '12' }],
    ['\uFEFFA=1\r\nB=\r\n', { A: '1', B: '' }],
    ['A', { A: undefined }],
  ])('%j reads as %j', (text, entries) => {
    expect(read(text)).toEqual(entries);
  });

  it('CO-5 in the raw format takes everything behind "=" as it stands', () => {
    const { entries, problems } = readRawEnv('# note\nA="x" # y\nB=$C${D}\n\nE\nF=a=b\n? no\n');
    expect(entries).toEqual([
      ['A', '"x" # y'],
      ['B', '$C${D}'],
      ['E', undefined],
      ['F', 'a=b'],
    ]);
    expect(problems.map(({ line }) => line)).toEqual([7]);
  });

  it('names the line of what it cannot read', () => {
    const { problems } = readDotenv('A=1\n!\nB="open\nC D\n', () => undefined);
    expect(problems.map(({ line }) => line)).toEqual([2, 3, 4]);
  });
});

describe('a command line', () => {
  it.each([
    ['a  b\tc', ['a', 'b', 'c']],
    ['sh -c "echo \\"hi\\" $x"', ['sh', '-c', 'echo "hi" $x']],
    ["a 'b \\' c''d ''", ['a', 'b \\', 'cd', '']],
    ['a\\ b "c\\d"', ['a b', 'c\\d']],
    ['a \\\n b\\\nc', ['a', 'bc']],
    ['', []],
  ])('%j is split as a shell would', (line, words) => {
    expect(splitCommand(line)).toEqual(words);
  });

  it('is refused where a quote is not closed', () => {
    expect([splitCommand("a 'b"), splitCommand('"a\\"')]).toEqual([undefined, undefined]);
  });
});

describe('quantities', () => {
  it.each([
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['500us', 1],
    ['10', undefined],
    ['10 s', undefined],
    ['', undefined],
  ])('the time %j is %s ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    ['512m', 512 * 1024 ** 2],
    ['1.5GiB', 1.5 * 1024 ** 3],
    ['64KB', 64 * 1024],
    ['100b', 100],
    ['1024', 1024],
    ['-1', undefined],
    ['1x', undefined],
  ])('the amount %j is %s bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each([
    ['80', [80]],
    ['1-3', [1, 2, 3]],
    ['0', undefined],
    ['65536', undefined],
    ['3-1', undefined],
  ])('the ports %j are %j', (text, ports) => {
    expect(parsePorts(text)).toEqual(ports);
  });
});

describe('the nearest word', () => {
  it.each([
    ['functon', 'function'],
    ['fucntion', 'function'],
    ['may_run', 'may-run'],
    ['Route', 'route'],
    ['xyz', undefined],
  ])('to "%s" is %s', (name, word) => {
    expect(nearest(name, ['function', 'route', 'may-run', 'timeout'])).toBe(word);
  });
});
