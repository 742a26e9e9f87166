import { MinkeError } from '../errors/index.ts';

/**
 * Splits a command as a POSIX shell does, with quotes and backslashes but without expansions:
 * `a 'b c' "d \"e" f\ g` -> `a`, `b c`, `d "e`, `f g`. An open quote is a USAGE error.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length;) {
    const piece = pieceAt(text, at);
    if (piece.text === undefined && word !== undefined) words.push(word);
    word = piece.text === undefined ? undefined : (word ?? '') + piece.text;
    at = piece.end;
  }
  return word === undefined ? words : [...words, word];
}

/** The piece of a word that begins at `at`; without a text it is the space between two words. */
function pieceAt(text: string, at: number): { readonly text: string | undefined; readonly end: number } {
  const pattern = /\s+|'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^\s'"\\]+)/y;
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (match === null) throw openQuote(text);
  const [, single, double, escaped, plain] = match;
  return { text: single ?? unescape(double) ?? withoutNewline(escaped) ?? plain, end: pattern.lastIndex };
}

/** Within double quotes a backslash escapes only these (POSIX shell, 2.2.3); before a line's end it joins two lines. */
const unescape = (quoted: string | undefined): string | undefined =>
  quoted?.replace(/\\([$`"\\\n])/g, (_, escaped: string) => withoutNewline(escaped) ?? '');

const withoutNewline = (escaped: string | undefined): string | undefined => (escaped === '\n' ? '' : escaped);

const openQuote = (text: string): MinkeError =>
  new MinkeError('USAGE', {
    reason: `Cannot split the arguments ${text}: a quote or a backslash is left open`,
    mend: 'Close it, or give the arguments as an array',
  });
