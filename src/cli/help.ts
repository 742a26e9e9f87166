import type { AnyCommand, Example, Operand } from './command/command.ts';
import type { CommandEntry } from './command/entry.ts';
import { commonOptions, type OptionSpec } from './command/options.ts';
import type { Output } from './terminal/output.ts';

const firstSteps: readonly Example[] = [
  { line: 'minke up -d', about: 'Bring up the app of this folder' },
  { line: 'minke run alpine:3 echo hello', about: 'A container as a function call' },
  { line: 'minke call count', about: 'Call a function of the app by name' },
  { line: 'minke down', about: 'End it' },
];

/** All commands by their groups. */
export function printOverview(out: Output, commands: readonly CommandEntry[]): void {
  out.line('minke: services stay up, functions exist only while somebody calls them.');
  printUsage(out, 'minke COMMAND [OPTION...]');
  for (const group of new Set(commands.map((one) => one.group))) printGroup(out, group, commands);
  printOptions(out, { ...commonOptions, version: { type: 'flag', about: 'Show the version' } });
  printExamples(out, firstSteps);
  out.line('\nEvery command explains itself: minke COMMAND --help');
}

/** The commands of one first word: `minke runs`. */
export function printFamily(out: Output, word: string, commands: readonly CommandEntry[]): void {
  const family = commands.filter(({ name }) => name.startsWith(`${word} `));
  printUsage(out, `minke ${word} COMMAND [OPTION...]`);
  section(
    out,
    'Commands',
    family.map(({ name, summary }) => [name, summary]),
  );
}

export function printCommand(out: Output, { name, summary }: CommandEntry, command: AnyCommand): void {
  const { operands = [], about, examples = [] } = command;
  out.line(`${summary}.`);
  printUsage(out, ['minke', name, '[OPTION...]', ...operands.map(usageOf)].join(' '));
  if (about !== undefined) out.line(`\n${about}`);
  if (operands.length > 0)
    section(
      out,
      'Operands',
      operands.map(({ name, about }) => [name, about]),
    );
  printOptions(out, { ...command.options, ...commonOptions });
  if (examples.length > 0) printExamples(out, examples);
}

function printUsage(out: Output, line: string): void {
  out.line(`\n${out.style('bold', 'Usage')}  ${line}`);
}

function printGroup(out: Output, group: string, commands: readonly CommandEntry[]): void {
  const own = commands.filter((one) => one.group === group);
  section(
    out,
    group,
    own.map(({ name, summary }) => [name, summary]),
    'shutdown'.length + 4,
  );
}

function printOptions(out: Output, options: Readonly<Record<string, OptionSpec>>): void {
  section(
    out,
    'Options',
    Object.entries(options).map(([name, spec]) => [optionTitle(name, spec), spec.about]),
  );
}

function printExamples(out: Output, examples: readonly Example[]): void {
  section(
    out,
    'Examples',
    examples.map(({ line, about }) => [line, about]),
  );
}

function section(out: Output, title: string, rows: readonly (readonly [string, string])[], least = 0): void {
  const width = Math.max(least, ...rows.map(([left]) => left.length));
  out.line(`\n${out.style('bold', title)}`);
  for (const [left, right] of rows)
    out.line(`  ${out.style('cyan', left)}${' '.repeat(width - left.length)}   ${right}`);
}

function optionTitle(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
  return `${short}--${name}${spec.type === 'flag' ? '' : ` ${spec.value}`}`;
}

function usageOf({ name, isOptional, isMany }: Operand): string {
  const repeated = isMany === true ? `${name}...` : name;
  return isOptional === true ? `[${repeated}]` : repeated;
}
