import { MinkeError, type ErrorCode, type Facts } from '../../errors/index.ts';
import type { Place } from './node.ts';
import { nearest } from './nearest.ts';

/**
 * Collects everything that is wrong with an app file, so that one reading reports it all. The facts of each problem
 * carry `place` (FILE:LINE), `line`, `key` (its full path) and `mend` (what to write instead). All methods answer undefined, for a reader
 * to give back.
 */
export interface Problems {
  /** In the order of the file. */
  found(): readonly MinkeError[];
  syntax(at: Place, reason: string, mend: string): undefined;
  unknownKey(at: Place, name: string, known: readonly string[], mend?: string): undefined;
  unsupported(at: Place, reason: string, mend: string): undefined;
  badValue(at: Place, value: string, reason: string, mend: string): undefined;
  /** `reason` ends the sentence `names "value", which is not ...`. */
  badReference(at: Place, value: string, reason: string, mend: string): undefined;
  routeClash(at: Place, value: string, owner: string, mend: string): undefined;
  cycle(at: Place, reason: string, mend: string): undefined;
}

export function createProblems(): Problems {
  const all: { readonly error: MinkeError; readonly file: string; readonly line: number }[] = [];
  const add = (code: ErrorCode, at: Place, facts: Facts): undefined => {
    const error = new MinkeError(code, { place: `${at.file}:${at.line}`, line: at.line, key: at.path, ...facts });
    if (!all.some((other) => other.error.message === error.message)) all.push({ error, file: at.file, line: at.line });
  };
  return {
    found: () => inFileOrder(all),
    syntax: (at, reason, mend) => add('APP_FILE_SYNTAX', at, { reason, mend }),
    unknownKey: (at, name, known, mend) => add('APP_FILE_UNKNOWN_KEY', at, { mend: mend ?? suggestion(name, known) }),
    unsupported: (at, reason, mend) => add('APP_FILE_UNSUPPORTED_KEY', at, { reason, mend }),
    badValue: (at, value, reason, mend) => add('APP_FILE_BAD_VALUE', at, { value, reason, mend }),
    badReference: (at, value, reason, mend) => add('APP_FILE_BAD_REFERENCE', at, { value, reason, mend }),
    routeClash: (at, value, owner, mend) => add('APP_FILE_ROUTE_CLASH', at, { value, owner, mend }),
    cycle: (at, reason, mend) => add('APP_FILE_CYCLE', at, { reason, mend }),
  };
}

/** `Did you mean "function"?`, or what can stand there. */
export function suggestion(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  if (near !== undefined) return `Did you mean "${near}"?`;
  return known.length === 0 ? 'Take it out.' : `What can stand here: ${known.toSorted().join(', ')}`;
}

function inFileOrder(
  all: readonly { readonly error: MinkeError; readonly file: string; readonly line: number }[],
): readonly MinkeError[] {
  const files = [...new Set(all.map(({ file }) => file))];
  return all
    .toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line)
    .map(({ error }) => error);
}
