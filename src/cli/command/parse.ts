import { MinkeError } from '../../errors/index.ts';
import { nearest } from './nearest.ts';
import type { OptionSpec } from './options.ts';

export interface Parsed {
  readonly options: Readonly<Record<string, Value>>;
  readonly operands: readonly string[];
}

type Value = boolean | string | readonly string[] | undefined;
type Specs = Readonly<Record<string, OptionSpec>>;

/**
 * Words to options and operands: `--name value`, `--name=value`, `-n value`, `-nvalue`, clusters of short flags, and `--`
 * to end the options. `command` is how the caller is called in a USAGE error.
 */
export function parse(command: string, words: readonly string[], specs: Specs, stopsAtOperand = false): Parsed {
  const options = emptyValues(specs);
  const operands: string[] = [];
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === '--') return { options, operands: [...operands, ...left] };
    if (!word.startsWith('-') || word === '-') {
      operands.push(word);
      if (stopsAtOperand) return { options, operands: [...operands, ...left] };
    } else {
      for (const given of word.startsWith('--') ? [long(word)] : cluster(word, specs)) {
        take(command, given, specs, options, left);
      }
    }
  }
  return { options, operands };
}

interface Given {
  /** As it was written, with its dashes. */
  readonly text: string;
  readonly attached: string | undefined;
}

const emptyValues = (specs: Specs): Record<string, Value> =>
  Object.fromEntries(
    Object.entries(specs).map(([name, { type }]) => [name, type === 'flag' ? false : type === 'list' ? [] : undefined]),
  );

function long(word: string): Given {
  const at = word.indexOf('=');
  return at === -1 ? { text: word, attached: undefined } : { text: word.slice(0, at), attached: word.slice(at + 1) };
}

/** `-di` is `-d -i`; the first one that takes a value takes the rest: `-eA=1`. */
function cluster(word: string, specs: Specs): Given[] {
  const letters = word.slice(1).split('');
  const last = letters.findIndex((letter) => specOf(`-${letter}`, specs)?.[1].type !== 'flag');
  const flags = (last === -1 ? letters : letters.slice(0, last)).map((letter) => ({
    text: `-${letter}`,
    attached: undefined,
  }));
  if (last === -1) return flags;
  const rest = letters.slice(last + 1).join('');
  return [...flags, { text: `-${letters[last] ?? ''}`, attached: rest === '' ? undefined : rest }];
}

function take(command: string, given: Given, specs: Specs, options: Record<string, Value>, left: string[]): void {
  const found = specOf(given.text, specs);
  if (found === undefined) throw unknownOption(command, given.text, specs);
  const [name, spec] = found;
  if (spec.type === 'flag') {
    if (given.attached !== undefined) throw usage(`${given.text} takes no value, but got "${given.attached}"`);
    options[name] = true;
    return;
  }
  const value = given.attached ?? left.shift();
  if (value === undefined) throw usage(`${given.text} needs a value`, `Write it after it: ${given.text} ${spec.value}`);
  options[name] =
    spec.type === 'list' ? [...((options[name] as string[] | undefined) ?? []), value] : chosen(given, value, spec);
}

function chosen({ text }: Given, value: string, { choices }: { readonly choices?: readonly string[] }): string {
  if (choices === undefined || choices.includes(value)) return value;
  const guess = nearest(value, choices);
  throw usage(
    `${text} cannot be "${value}": it is one of ${choices.join(', ')}`,
    guess === undefined ? undefined : `Did you mean ${text} ${guess}?`,
  );
}

const specOf = (text: string, specs: Specs): [string, OptionSpec] | undefined =>
  Object.entries(specs).find(([name, { short }]) => text === `--${name}` || text === `-${short ?? ''}`);

function unknownOption(command: string, text: string, specs: Specs): MinkeError {
  const guess = nearest(
    text,
    Object.keys(specs).map((name) => `--${name}`),
  );
  const help = `${command} --help shows its options.`;
  return usage(`${command} has no option ${text}`, guess === undefined ? help : `Did you mean ${guess}? ${help}`);
}

export function usage(reason: string, mend?: string): MinkeError {
  return new MinkeError('USAGE', { reason, ...(mend === undefined ? {} : { mend }) });
}
