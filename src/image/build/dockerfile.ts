/** Images that a Dockerfile builds upon, as it writes them, with the arguments before its first FROM filled in. */
export function baseImages(text: string, args: Readonly<Record<string, string>>, target?: string): readonly string[] {
  const globals = new Map<string, string>();
  const stages: string[] = [];
  const found = new Set<string>();
  for (const { word, rest } of instructions(text)) {
    if (word === 'FROM') {
      // What comes after the target is not built.
      if (target !== undefined && isTarget(target, stages)) break;
      const { image, name } = parseFrom(fillIn(rest, globals));
      if (isOutside(image, stages)) found.add(image);
      stages.push(name.toLowerCase());
    } else if (word === 'ARG' && stages.length === 0) {
      for (const [name, value] of argumentsIn(rest, globals)) globals.set(name, args[name] ?? value);
    } else {
      for (const image of imagesNamedIn(word, rest)) if (isOutside(image, stages)) found.add(image);
    }
  }
  return [...found];
}

interface Instruction {
  /** Upper case. */
  readonly word: string;
  readonly rest: string;
}

/** Lines joined where they go on; without comments, and without the bodies of here-documents. */
function instructions(text: string): readonly Instruction[] {
  const escape = /^#\s*escape\s*=\s*`/im.test(text.split(/\r?\n(?!#)/, 1)[0] ?? '') ? '`' : '\\';
  const result: Instruction[] = [];
  let whole = '';
  let untilWord: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (untilWord !== undefined) {
      if (line.trim() === untilWord) untilWord = undefined;
      continue;
    }
    if (/^\s*(#|$)/.test(line)) continue;
    const trimmed = line.trimEnd();
    if (trimmed.endsWith(escape)) {
      whole += `${trimmed.slice(0, -1)} `;
      continue;
    }
    const match = /^\s*(\w+)\s+(.*)$/s.exec(whole + line);
    whole = '';
    if (match === null) continue;
    result.push({ word: (match[1] ?? '').toUpperCase(), rest: (match[2] ?? '').trim() });
    untilWord = /<<-?["']?(\w+)["']?/.exec(line)?.[1];
  }
  return result;
}

const isTarget = (target: string, stages: readonly string[]): boolean =>
  stages.includes(target.toLowerCase()) || (/^\d+$/.test(target) && Number(target) < stages.length);

/** `scratch` is nothing at all; a stage is what the file itself builds. */
function isOutside(image: string, stages: readonly string[]): boolean {
  const isStage = stages.includes(image.toLowerCase()) || (/^\d+$/.test(image) && Number(image) < stages.length);
  return image !== '' && image !== 'scratch' && !isStage;
}

function parseFrom(rest: string): { readonly image: string; readonly name: string } {
  const [image = '', as = '', name = ''] = rest.split(/\s+/).filter((part) => !part.startsWith('--'));
  return { image, name: as.toLowerCase() === 'as' ? name : '' };
}

/** `COPY --from=IMAGE`, `RUN --mount=type=bind,from=IMAGE`. */
function imagesNamedIn(word: string, rest: string): readonly string[] {
  if (word === 'COPY') return [...rest.matchAll(/(?:^|\s)--from=(\S+)/g)].map((match) => match[1] ?? '');
  if (word === 'RUN') return [...rest.matchAll(/(?:^|\s)--mount=\S*?\bfrom=([^,\s]+)/g)].map((match) => match[1] ?? '');
  return [];
}

function argumentsIn(rest: string, known: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...rest.matchAll(/(\w+)(?:=("[^"]*"|'[^']*'|\S*))?/g)].map(([, name = '', value = '']) => [
    name,
    fillIn(value.replace(/^(["'])(.*)\1$/, '$2'), known),
  ]);
}

/** `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}`. */
function fillIn(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(
    /\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})/g,
    (_, plain?: string, braced?: string, sign?: string, other = '') => {
      const value = values.get(plain ?? braced ?? '') ?? '';
      if (sign === '-') return value === '' ? other : value;
      return sign === '+' ? (value === '' ? '' : other) : value;
    },
  );
}
