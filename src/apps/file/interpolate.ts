/**
 * Compose's variables: `$VAR`, `${VAR}`, `${VAR:-default}` (unset or empty), `${VAR-default}` (unset), `${VAR:?message}`
 * and `${VAR?message}` (an error), `${VAR:+other}` and `${VAR+other}` (when set), nested in one another; `$$` is one `$`.
 */
export interface Interpolated {
  readonly text: string;
  /** Variables that are not set and have no default; they read as empty. */
  readonly unset: readonly string[];
  /** What is wrong, if anything; `text` is then as far as it came. */
  readonly failure?: InterpolationFailure;
}

export interface InterpolationFailure {
  readonly reason: string;
  readonly mend: string;
}

export type Variables = (name: string) => string | undefined;

export function interpolate(text: string, variables: Variables): Interpolated {
  const unset: string[] = [];
  try {
    const filled = fill(text, { variables, unset });
    return { text: filled, unset };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { text, unset, failure: { reason: error.message, mend: error.mend } };
  }
}

interface Filling {
  readonly variables: Variables;
  readonly unset: string[];
}

class Failure extends Error {
  readonly mend: string;
  constructor(reason: string, mend: string) {
    super(reason);
    this.mend = mend;
  }
}

function fill(text: string, filling: Filling): string {
  let result = '';
  for (let at = 0; at < text.length;) {
    const dollar = text.indexOf('$', at);
    if (dollar === -1) return result + text.slice(at);
    result += text.slice(at, dollar);
    const found = variableAt(text, dollar, filling);
    result += found.value;
    at = found.end;
  }
  return result;
}

interface Found {
  readonly value: string;
  /** Index after it. */
  readonly end: number;
}

function variableAt(text: string, dollar: number, filling: Filling): Found {
  const next = text[dollar + 1];
  if (next === '$') return { value: '$', end: dollar + 2 };
  if (next === '{') return bracedAt(text, dollar, filling);
  const name = /^[A-Za-z_]\w*/.exec(text.slice(dollar + 1))?.[0];
  if (name === undefined)
    throw new Failure('a "$" stands before something that is no variable', 'Write $$ for a dollar sign.');
  return { value: plain(name, filling), end: dollar + 1 + name.length };
}

function bracedAt(text: string, dollar: number, filling: Filling): Found {
  const end = closing(text, dollar + 2);
  const inner = text.slice(dollar + 2, end);
  const parts = /^([A-Za-z_]\w*)(?:(:?[-?+])([\s\S]*))?$/.exec(inner);
  if (parts?.[1] === undefined) {
    throw new Failure(
      `"\${${inner}}" is not a variable`,
      'Write ${NAME}, ${NAME:-default} or ${NAME:?message}; $$ for a dollar sign.',
    );
  }
  const [, name, operator, argument = ''] = parts;
  return {
    value: operator === undefined ? plain(name, filling) : chosen(name, operator, argument, filling),
    end: end + 1,
  };
}

/** Index of the `}` that closes what was opened before `from`. */
function closing(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith('${', at)) depth += 1;
    if (text[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  throw new Failure('"${" is not closed', 'Close it with "}", or write $$ for a dollar sign.');
}

function plain(name: string, { variables, unset }: Filling): string {
  const value = variables(name);
  if (value === undefined) unset.push(name);
  return value ?? '';
}

function chosen(name: string, operator: string, argument: string, filling: Filling): string {
  const value = filling.variables(name);
  const isThere = value !== undefined && !(operator.startsWith(':') && value === '');
  if (operator.endsWith('+')) return isThere ? fill(argument, filling) : '';
  if (isThere) return value;
  if (operator.endsWith('-')) return fill(argument, filling);
  const message = fill(argument, filling);
  throw new Failure(
    `the variable ${name} is ${value === undefined ? 'not set' : 'empty'}${message === '' ? '' : `: ${message}`}`,
    `Set ${name} in the environment or in the file .env.`,
  );
}
