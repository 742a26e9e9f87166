import type { AnyCommand } from './command/command.ts';
import type { Context } from './command/context.ts';
import type { CommandEntry } from './command/entry.ts';
import { nearest } from './command/nearest.ts';
import { commonOptions } from './command/options.ts';
import { parse, usage, type Parsed } from './command/parse.ts';

/** Finds the command that the words name, reads its options and runs it. Answers the exit code. */
export async function dispatch(context: Context, words: readonly string[]): Promise<number> {
  const { options: leading, operands } = parse('minke', words, leadingOptions, true);
  if (leading.version === true) return say(context, context.version);
  const [first = 'help', second = ''] = operands;
  if (first === 'help') return dispatchHelp(context, operands.slice(1));
  const entry = findEntry(context.commands, first, second);
  if (entry === undefined) return withoutCommand(context, first, second, leading.help === true);
  const command = await entry.load();
  const rest = operands.slice(entry.name.split(' ').length);
  const parsed = parseFor(entry, command, rest);
  if (leading.help === true || parsed.options.help === true) return dispatchHelp(context, [entry.name]);
  checkOperands(entry, command, parsed.operands);
  const isJson = (parsed.options.format ?? leading.format) === 'json';
  return (await command.handle({ ...context, isJson }, parsed as Parameters<AnyCommand['handle']>[1])) ?? 0;
}

const leadingOptions = { ...commonOptions, version: { type: 'flag', short: 'v', about: 'Show the version' } } as const;

function say({ out }: Context, text: string): number {
  out.line(text);
  return 0;
}

/** `minke`, `minke help`, `minke help runs`, `minke help runs ls`. */
async function dispatchHelp(context: Context, names: readonly string[]): Promise<number> {
  const { out, commands } = context;
  const { printCommand, printFamily, printOverview } = await import('./help.ts');
  const [first, second = ''] = names.join(' ').split(' ');
  if (first === undefined || first === '') printOverview(out, commands);
  else {
    const entry = findEntry(commands, first, second);
    if (entry !== undefined) printCommand(out, entry, await entry.load());
    else if (isFamily(commands, first)) printFamily(out, first, commands);
    else throw unknownCommand(commands, first);
  }
  return 0;
}

const findEntry = (commands: readonly CommandEntry[], first: string, second: string): CommandEntry | undefined =>
  commands.find(({ name }) => name === first || name === `${first} ${second}`);

const isFamily = (commands: readonly CommandEntry[], word: string): boolean =>
  commands.some(({ name }) => name.startsWith(`${word} `));

async function withoutCommand(context: Context, first: string, second: string, asksHelp: boolean): Promise<number> {
  const { commands } = context;
  if (!isFamily(commands, first)) throw unknownCommand(commands, first);
  if (asksHelp || ['--help', '-h'].includes(second)) return dispatchHelp(context, [first]);
  const words = commands
    .filter(({ name }) => name.startsWith(`${first} `))
    .map(({ name }) => name.slice(first.length + 1));
  const choice = `minke ${first} ${words.join('|')}`;
  if (second === '' || second.startsWith('-'))
    throw usage(`minke ${first} needs a command`, `Write one after it: ${choice}`);
  const guess = nearest(second, words);
  const mend = guess === undefined ? `There are: ${choice}` : `Did you mean minke ${first} ${guess}?`;
  throw usage(`There is no command "minke ${first} ${second}"`, mend);
}

function unknownCommand(commands: readonly CommandEntry[], word: string): Error {
  const guess = nearest(
    word,
    commands.map(({ name }) => name.split(' ')[0] ?? ''),
  );
  const all = 'minke --help shows all commands.';
  return usage(
    `There is no command "minke ${word}"`,
    guess === undefined ? all : `Did you mean minke ${guess}? ${all}`,
  );
}

function parseFor({ name }: CommandEntry, { options, stopsAtOperand }: AnyCommand, words: readonly string[]): Parsed {
  return parse(`minke ${name}`, words, { ...options, ...commonOptions }, stopsAtOperand === true);
}

function checkOperands({ name }: CommandEntry, { operands = [] }: AnyCommand, given: readonly string[]): void {
  const missing = operands.find(({ isOptional }, at) => isOptional !== true && given[at] === undefined);
  if (missing !== undefined)
    throw usage(`minke ${name} needs ${missing.name}`, `minke ${name} --help shows how it is called.`);
  const isEndless = operands.at(-1)?.isMany === true;
  const extra = given[operands.length];
  if (extra !== undefined && !isEndless) {
    throw usage(`minke ${name} cannot take "${extra}" as well`, `minke ${name} --help shows how it is called.`);
  }
}
