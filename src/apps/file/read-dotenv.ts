import { interpolate, type Variables } from './interpolate.ts';

export interface Dotenv {
  /** `undefined`: named without a value, to be taken from the caller's environment. */
  readonly entries: readonly (readonly [string, string | undefined])[];
  readonly problems: readonly DotenvProblem[];
}

export interface DotenvProblem {
  readonly line: number;
  readonly reason: string;
  readonly mend: string;
}

/**
 * `.env` and `env_file`, in Compose's format: `KEY=value`, `KEY: value`, `export KEY=value`, `# comment`; 'single quotes' keep
 * everything as it is, "double quotes" know \n, \r, \t, \", \\ and variables, and both may span lines; a bare value ends
 * before ` #`. Variables may be those of the caller or of the lines above.
 */
export function readDotenv(text: string, variables: Variables): Dotenv {
  const entries: [string, string | undefined][] = [];
  const problems: DotenvProblem[] = [];
  const known: Variables = (name) => variables(name) ?? entries.findLast(([key]) => key === name)?.[1];
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  for (let at = 0; at < source.length;) {
    const entry = entryAt(source, at, known);
    if (entry.key !== undefined) entries.push([entry.key, entry.value]);
    if (entry.problem !== undefined) problems.push({ line: lineOf(source, at), ...entry.problem });
    at = entry.end;
  }
  return { entries, problems };
}

/** The same without quotes, variables and comments behind a value: `format: raw`. */
export function readRawEnv(text: string): Dotenv {
  const entries: [string, string | undefined][] = [];
  const problems: DotenvProblem[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, key, value] = /^\s*([A-Za-z_][\w.-]*)(?:=([\s\S]*))?$/.exec(line) ?? [];
    if (key === undefined) {
      problems.push({ line: index + 1, reason: `"${line}" is not KEY=value`, mend: 'Write KEY=value.' });
    } else entries.push([key, value]);
  }
  return { entries, problems };
}

interface EntryAt {
  readonly key?: string;
  readonly value?: string | undefined;
  readonly problem?: { readonly reason: string; readonly mend: string };
  readonly end: number;
}

function entryAt(source: string, at: number, variables: Variables): EntryAt {
  const newline = source.indexOf('\n', at);
  const end = newline === -1 ? source.length : newline + 1;
  const line = source.slice(at, end).trim();
  if (line === '' || line.startsWith('#')) return { end };
  const head = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*(?:([=:])[ \t]*)?/.exec(source.slice(at, end));
  if (head?.[1] === undefined)
    return { end, problem: { reason: `"${line}" is not KEY=value`, mend: 'Write KEY=value.' } };
  const [whole, key, separator] = head;
  const from = at + whole.length;
  if (separator === undefined) return bareName(key, source.slice(from, end), end);
  const quote = source[from];
  if (quote === '"' || quote === "'") return { key, ...quoted(source, from, quote, variables, end) };
  return {
    key,
    ...filled(
      source
        .slice(from, end)
        .replace(/(?:^|\s)#.*$/m, '')
        .trim(),
      variables,
    ),
    end,
  };
}

function bareName(key: string, rest: string, end: number): EntryAt {
  if (/^\s*(?:#.*)?$/.test(rest)) return { key, value: undefined, end };
  return { end, problem: { reason: `"=" is missing after ${key}`, mend: 'Write KEY=value.' } };
}

function quoted(
  source: string,
  from: number,
  quote: string,
  variables: Variables,
  lineEnd: number,
): Omit<EntryAt, 'key'> {
  let close = from + 1;
  while (close < source.length && source[close] !== quote) close += quote === '"' && source[close] === '\\' ? 2 : 1;
  if (close >= source.length) {
    return { end: lineEnd, problem: { reason: `the quote ${quote} is not closed`, mend: 'Close the quote.' } };
  }
  const newline = source.indexOf('\n', close);
  const end = newline === -1 ? source.length : newline + 1;
  const inner = source.slice(from + 1, close);
  return quote === "'" ? { value: inner, end } : { ...filled(unescape(inner), variables), end };
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$$' };

const unescape = (text: string): string =>
  text.replace(/\\([nrt"\\$])/g, (_, letter: string) => escapes[letter] ?? letter);

function filled(text: string, variables: Variables): Pick<EntryAt, 'value' | 'problem'> {
  const { text: value, failure } = interpolate(text, variables);
  return failure === undefined ? { value } : { value: text, problem: failure };
}

const lineOf = (source: string, at: number): number => source.slice(0, at).split('\n').length;
