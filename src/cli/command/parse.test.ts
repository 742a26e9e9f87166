import { describe, expect, it } from 'vitest';
import { parseDuration } from './duration.ts';
import { nearest } from './nearest.ts';
import { parse } from './parse.ts';

const specs = {
  detach: { type: 'flag', short: 'd', about: '' },
  interactive: { type: 'flag', short: 'i', about: '' },
  env: { type: 'list', short: 'e', value: 'K=V', about: '' },
  project: { type: 'text', short: 'p', value: 'NAME', about: '' },
} as const;

const read = (line: string, stopsAtOperand = false): ReturnType<typeof parse> =>
  parse('minke x', line === '' ? [] : line.split(' '), specs, stopsAtOperand);

describe('parse', () => {
  it('knows what was not given', () => {
    expect(read('').options).toEqual({ detach: false, interactive: false, env: [], project: undefined });
  });

  it.each(['-d -i -e A=1 -p n', '-die A=1 -pn', '-dieA=1 --project=n', '--detach --interactive --env A=1 --project n'])(
    'reads %s',
    (line) => {
      expect(read(line).options).toEqual({ detach: true, interactive: true, env: ['A=1'], project: 'n' });
    },
  );

  it('collects lists, keeps what follows "=", and lets a value begin with a dash', () => {
    expect(read('-e A=1 --env=B=2=3 -p -n').options).toMatchObject({ env: ['A=1', 'B=2=3'], project: '-n' });
  });

  it('takes options after operands, unless the operands are another program', () => {
    expect(read('a -d - b')).toMatchObject({ options: { detach: true }, operands: ['a', '-', 'b'] });
    expect(read('a -- -d b')).toMatchObject({ options: { detach: false }, operands: ['a', '-d', 'b'] });
    expect(read('-i a -d -- b', true)).toMatchObject({
      options: { detach: false, interactive: true },
      operands: ['a', '-d', '--', 'b'],
    });
  });

  it.each([
    ['-dx', 'minke x has no option -x'],
    ['--detach=1', '--detach takes no value, but got "1"'],
    ['-p', '-p needs a value'],
  ])('refuses %s', (line, message) => {
    expect(() => read(line)).toThrow(message);
  });
});

describe('nearest', () => {
  it('finds slips and swaps, and does not guess wildly', () => {
    const words = ['up', 'down', 'logs', 'status', 'shutdown'];
    expect(nearest('pu', words)).toBe('up');
    expect(nearest('lgos', words)).toBe('logs');
    expect(nearest('shutdwon', words)).toBe('shutdown');
    expect(nearest('statsu', words)).toBe('status');
    expect(nearest('conjure', words)).toBeUndefined();
    expect(nearest('x', [])).toBeUndefined();
  });
});

describe('durations', () => {
  it.each([
    ['0', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5m', 90_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration('--timeout', text)).toBe(ms);
  });

  it.each(['', '30', 's', '-1s', '1 s', '1y'])('%j is none', (text) => {
    expect(() => parseDuration('--timeout', text)).toThrow(`--timeout cannot be "${text}": it is not a duration`);
  });
});
