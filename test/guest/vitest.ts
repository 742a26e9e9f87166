import { deepStrictEqual } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * As much of vitest as the conformance suite uses, for a guest in which everything takes a hundred times as long: what vitest
 * itself does before the first test would take longer there than the tests.
 */
export interface Promised {
  readonly title: string;
  readonly run: () => Promise<void>;
}

type Fixtures = Record<string, (context: object, use: (value: unknown) => Promise<void>) => Promise<void>>;
type Test = (context: Record<string, unknown>) => Promise<void>;

export const promises: Promised[] = [];
export const skipped: string[] = [];
const path: string[] = [];

export function describe(title: string, declare: () => void): void {
  path.push(title);
  declare();
  path.pop();
}

export const it = {
  skip: (title: string): void => void skipped.push([...path, title].join(' > ')),
  /** Fixtures are made anew for each test and torn down after it. */
  extend:
    (fixtures: Fixtures) =>
    (title: string, _options: object, test: Test): void => {
      promises.push({ title: [...path, title].join(' > '), run: async () => await withFixtures(fixtures, test) });
    },
};

async function withFixtures(fixtures: Fixtures, test: Test): Promise<void> {
  const [entry, ...more] = Object.entries(fixtures);
  if (entry === undefined || more.length > 0) throw new Error('one fixture is all that is needed');
  const [name, make] = entry;
  await make({}, async (value) => await test({ [name]: value }));
}

class Pattern {
  readonly matches: (actual: unknown) => boolean;
  constructor(matches: (actual: unknown) => boolean) {
    this.matches = matches;
  }
}

export const expect = Object.assign(
  (actual: unknown, note = '') => ({ ...matchers(actual, note), ...settled(actual) }),
  {
    poll: (look: () => unknown, { timeout }: { readonly timeout: number }) => ({
      toBe: async (expected: unknown) => await untilSame(look, expected, timeout),
    }),
    unreachable: (): never => {
      throw new Error('this was not to be reached');
    },
    any: (type: unknown) => new Pattern((actual) => typeof actual === (type === Number ? 'number' : 'string')),
    stringContaining: (part: string) => new Pattern((actual) => String(actual).includes(part)),
    stringMatching: (pattern: RegExp) => new Pattern((actual) => pattern.test(String(actual))),
  },
);

async function untilSame(look: () => unknown, expected: unknown, timeoutMs: number): Promise<void> {
  for (const startedAt = performance.now(); ; await delay(100)) {
    const actual = await look();
    if (Object.is(actual, expected)) return;
    if (performance.now() - startedAt > timeoutMs) return matchers(actual, '').toBe(expected);
  }
}

function matchers(actual: unknown, note: string) {
  const hold = (holds: boolean, expected: unknown): void => {
    // For its message, which shows where the two differ.
    if (!holds) deepStrictEqual(actual, expected, undefined);
    if (!holds) throw new Error(`${note} did not match`);
  };
  return {
    toBe: (expected: unknown) => hold(Object.is(actual, expected), expected),
    toEqual: (expected: unknown) => hold(isLike(actual, expected, true), expected),
    toMatchObject: (expected: unknown) => hold(isLike(actual, expected, false), expected),
    toBeUndefined: () => hold(actual === undefined, undefined),
    toBeDefined: () => hold(actual !== undefined, 'something'),
    toBeInstanceOf: (type: new () => object) => hold(actual instanceof type, type),
    toHaveLength: (length: number) => hold((actual as { length: number }).length === length, length),
    toContain: (part: unknown) => hold((actual as { includes(part: unknown): boolean }).includes(part), part),
    toBeGreaterThan: (least: number) => hold(Number(actual) > least, least),
    toBeLessThan: (most: number) => hold(Number(actual) < most, most),
    toBeLessThanOrEqual: (most: number) => hold(Number(actual) <= most, most),
    not: { toBe: (other: unknown) => hold(!Object.is(actual, other), 'another') },
  };
}

function settled(actual: unknown) {
  const reason = async (): Promise<unknown> =>
    await (actual as Promise<unknown>).then(
      () => {
        throw new Error('it did not reject');
      },
      (error: unknown) => error,
    );
  return {
    rejects: {
      toMatchObject: async (expected: unknown) => matchers(await reason(), '').toMatchObject(expected),
      toBeInstanceOf: async (type: new () => object) => matchers(await reason(), '').toBeInstanceOf(type),
      toThrow: async (part: string) => matchers(String(await reason()), '').toContain(part),
    },
    resolves: { toBeUndefined: async () => matchers(await actual, '').toBeUndefined() },
  };
}

/** `isWhole`: the actual one has no more keys that are set. */
function isLike(actual: unknown, expected: unknown, isWhole: boolean): boolean {
  if (expected instanceof Pattern) return expected.matches(actual);
  if (typeof expected !== 'object' || expected === null || expected instanceof Uint8Array) {
    return isSame(actual, expected);
  }
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual) !== Array.isArray(expected)) return false;
  const [own, wanted] = [actual as Record<string, unknown>, expected as Record<string, unknown>];
  const keys = new Set([...Object.keys(wanted), ...(isWhole || Array.isArray(own) ? Object.keys(own) : [])]);
  return [...keys].every((key) => isLike(own[key], wanted[key], isWhole));
}

function isSame(actual: unknown, expected: unknown): boolean {
  try {
    deepStrictEqual(actual, expected);
    return true;
  } catch {
    return false;
  }
}
