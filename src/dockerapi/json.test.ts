import { describe, expect, it } from 'vitest';
import { parseJson, type Json } from './json.ts';

const plain = (value: Json): unknown => JSON.parse(JSON.stringify(value));

describe('a JSON body', () => {
  it.each([
    'null',
    ' true ',
    '-0.5e+3',
    '0',
    '""',
    '"\\u0041\\n\\\\\\"\\/"',
    '[]',
    '[1,[2,{}],"x"]',
    '{"a":{"b":[{"c":null}]}}',
    '\t{\n"a" :\r1 }',
    '"\u007f\u0085é😀"',
    '"\\ud800"',
    '1e400',
    '"a\u2028b"',
  ])('%j reads as JSON.parse reads it', (text) => {
    expect(plain(parseJson(text).value)).toEqual(plain(JSON.parse(text) as Json));
    expect(parseJson(text).duplicates).toEqual([]);
  });

  it.each([
    '',
    ' ',
    '{',
    '[',
    '"',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '[1,]',
    '[,1]',
    '{a:1}',
    "{'a':1}",
    '01',
    '+1',
    '.5',
    '1.',
    '1e',
    'NaN',
    'Infinity',
    'nul',
    'nullx',
    'true false',
    '{}{}',
    '"\\x"',
    '"\\u12"',
    '"\n"',
    '"\u0000"',
    '// x\n1',
    '\ufeff1',
    '\u00a01',
    '[1 2]',
    '{"a" 1}',
    '--1',
  ])('%j is refused, as JSON.parse refuses it', (text) => {
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    expect(() => parseJson(text)).toThrow(/is not JSON/);
  });

  it('tells every key that comes twice, wherever it lies and however it is written', () => {
    const text = '{"a":1,"b":{"c":[{"d":1,"d":2}]},"\\u0061":2,"__proto__":1,"__proto__":2}';
    expect(parseJson(text).duplicates).toEqual(['b.c[0].d', 'a', '__proto__']);
  });

  it("merges objects that come twice, as Docker's decoder does, and keeps the last of all else", () => {
    const text = '{"h":{"p":true,"x":{"y":1}},"h":{"q":[1],"x":{"z":2}},"s":[1,2],"s":[3]}';
    expect(plain(parseJson(text).value)).toEqual({ h: { p: true, q: [1], x: { y: 1, z: 2 } }, s: [3] });
  });

  it('has no prototype that a key could reach', () => {
    const { value } = parseJson('{"__proto__":{"evil":true}}') as { value: { evil?: unknown } };
    expect(value.evil).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(({} as { evil?: unknown }).evil).toBeUndefined();
  });

  it('does not exhaust the stack, however deep it is', () => {
    expect(() => parseJson('['.repeat(500_000))).toThrow(/nested deeper/);
    expect(() => parseJson('{"a":'.repeat(500_000))).toThrow(/nested deeper/);
  });

  it('is read in time that grows with its length only', () => {
    const text = JSON.stringify({
      Env: Array.from({ length: 50_000 }, (_, index) => `NAME_${index}=${'\\"x'.repeat(5)}`),
    });
    const begun = performance.now();
    parseJson(text);
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  it('agrees with JSON.parse on what is made at random', () => {
    let seed = 7;
    const random = (count: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * count);
    };
    const signs = ['{', '}', '[', ']', ',', ':', '"a"', '"b"', '1', '-', '.', 'e', 'null', 'true', ' ', '\\', '"'];
    for (let round = 0; round < 20_000; round += 1) {
      const text = Array.from({ length: 1 + random(9) }, () => signs[random(signs.length)]).join('');
      const read = (parse: (text: string) => unknown): boolean => {
        try {
          parse(text);
          return true;
        } catch {
          return false;
        }
      };
      expect([text, read(parseJson)]).toEqual([text, read(JSON.parse)]);
    }
  });
});
