/** Words of a command line as a POSIX shell splits them, without expansions; undefined when a quote is not closed. */
export function splitCommand(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const letter = line[at] ?? '';
    if (letter === "'" || letter === '"') {
      const part = quotedAt(line, at, letter);
      if (part === undefined) return undefined;
      word = (word ?? '') + part.text;
      at = part.end;
    } else if (letter === '\\') {
      at += 1;
      if (line[at] !== '\n') word = (word ?? '') + escaped(line[at]);
    } else if (!/\s/.test(letter)) {
      word = (word ?? '') + letter;
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  return word === undefined ? words : [...words, word];
}

/** The quoted part that begins at `at`; `end` is the index of its closing quote. */
function quotedAt(
  line: string,
  at: number,
  quote: string,
): { readonly text: string; readonly end: number } | undefined {
  let text = '';
  for (let next = at + 1; next < line.length; next += 1) {
    const letter = line[next] ?? '';
    if (letter === quote) return { text, end: next };
    // Within double quotes a backslash only hides what would mean something there.
    if (quote === '"' && letter === '\\' && /["\\$`\n]/.test(line[next + 1] ?? '')) {
      next += 1;
      text += escaped(line[next]);
    } else text += letter;
  }
  return undefined;
}

/** A backslash before the end of a line joins the lines. */
const escaped = (letter: string | undefined): string => (letter === undefined || letter === '\n' ? '' : letter);
