import type { OptionSpec } from '../command/options.ts';

export interface CompletionEntry {
  /** One word or two. */
  readonly name: string;
  readonly summary: string;
  readonly options: readonly (readonly [name: string, spec: OptionSpec])[];
}

/** A completion script for each shell, made from the table of all commands. Files complete where no word of ours does. */
export const scripts = { bash, zsh, fish } as const;

function bash(entries: readonly CompletionEntry[]): string {
  const cases = entries.map(({ name, options }) => `    '${name}') words='${optionWords(options).join(' ')}' ;;`);
  const families = familiesOf(entries).map(([word, seconds]) => `    '${word}') words='${seconds.join(' ')}' ;;`);
  return `# minke completion for bash
_minke() {
  local current=\${COMP_WORDS[COMP_CWORD]} first=\${COMP_WORDS[1]} words=''
  local command=$first
  case $first in
    ${familiesOf(entries)
      .map(([word]) => word)
      .join('|')}) command="$first \${COMP_WORDS[2]}" ;;
  esac
  if ((COMP_CWORD == 1)); then
    words='${firstWords(entries).join(' ')} --help --version --format'
  elif ((COMP_CWORD == 2)) && [[ $command == *' '* ]]; then
    case $first in
${families.join('\n')}
    esac
  elif [[ $current == -* ]]; then
    case $command in
${cases.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _minke minke
`;
}

function zsh(entries: readonly CompletionEntry[]): string {
  const cases = entries.map(({ name, options }) => {
    const specs = options.flatMap(([option, spec]) => zshOption(option, spec));
    return `    (${quoted(name)}) _arguments ${specs.join(' ')} '*:file:_files' ;;`;
  });
  const families = familiesOf(entries).map(([word]) => {
    const own = entries.filter(({ name }) => name.startsWith(`${word} `));
    const rows = own.map(({ name, summary }) => quoted(`${name.slice(word.length + 1)}:${summary}`));
    return `    (${word}) local -a own=(${rows.join(' ')}); _describe command own ;;`;
  });
  const firsts = firstWords(entries).map((word) => {
    const summary = entries.find(({ name }) => name === word)?.summary ?? `minke ${word} ...`;
    return quoted(`${word}:${summary}`);
  });
  return `#compdef minke
# minke completion for zsh
_minke() {
  local command=$words[2]
  local -a commands=(${firsts.join(' ')})
  if ((CURRENT == 2)); then _describe command commands; return; fi
  case $command in
    (${familiesOf(entries)
      .map(([word]) => word)
      .join('|')}) command="$words[2] $words[3]" ;;
  esac
  if ((CURRENT == 3)) && [[ $command == *' '* ]]; then
    case $words[2] in
${families.join('\n')}
    esac
    return
  fi
  case $command in
${cases.join('\n')}
  esac
}
compdef _minke minke
`;
}

function fish(entries: readonly CompletionEntry[]): string {
  const firsts = firstWords(entries).map((word) => {
    const summary = entries.find(({ name }) => name === word)?.summary ?? `minke ${word} ...`;
    return `complete -c minke -n __fish_use_subcommand -f -a ${word} -d ${quoted(summary)}`;
  });
  const rest = entries.flatMap(({ name, summary, options }) => {
    const [first = '', second] = name.split(' ');
    const isIn = [first, second]
      .filter((word) => word !== undefined)
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ');
    const seconds =
      second === undefined
        ? []
        : [`complete -c minke -n '__fish_seen_subcommand_from ${first}' -f -a ${second} -d ${quoted(summary)}`];
    return [
      ...seconds,
      ...options.map(([option, spec]) => `complete -c minke -n '${isIn}' ${fishOption(option, spec)}`),
    ];
  });
  return `# minke completion for fish\n${[...firsts, ...rest].join('\n')}\n`;
}

const firstWords = (entries: readonly CompletionEntry[]): string[] => [
  ...new Set(entries.map(({ name }) => name.split(' ')[0] ?? '')),
];

/** First words that need a second: `runs` -> `ls`, `show`, ... */
function familiesOf(entries: readonly CompletionEntry[]): [string, string[]][] {
  const families = Map.groupBy(
    entries.map(({ name }) => name.split(' ')).filter(({ length }) => length === 2),
    ([first = '']) => first,
  );
  return [...families].map(([first, names]) => [first, names.map(([, second = '']) => second)]);
}

const optionWords = (options: CompletionEntry['options']): string[] =>
  options.flatMap(([name, { short }]) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]);

function zshOption(name: string, spec: OptionSpec): string[] {
  const about = spec.about.replaceAll(/[[\]:]/g, String.raw`\$&`);
  const value = spec.type === 'flag' ? '' : `:${spec.value.replaceAll(':', String.raw`\:`)}:${choicesOf(spec)}`;
  const repeat = spec.type === 'list' ? '*' : '';
  const names = [`--${name}`, ...(spec.short === undefined ? [] : [`-${spec.short}`])];
  return names.map((one) => quoted(`${repeat}${one}[${about}]${value}`));
}

const choicesOf = (spec: OptionSpec): string =>
  spec.type === 'text' && spec.choices !== undefined ? `(${spec.choices.join(' ')})` : '_files';

function fishOption(name: string, spec: OptionSpec): string {
  const choices = spec.type === 'text' && spec.choices !== undefined ? ` -f -a ${quoted(spec.choices.join(' '))}` : '';
  const short = spec.short === undefined ? '' : ` -s ${spec.short}`;
  return `-l ${name}${short}${spec.type === 'flag' ? '' : ' -r'}${choices} -d ${quoted(spec.about)}`;
}

/** For all three shells: in single quotes nothing is special but the quote itself. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
