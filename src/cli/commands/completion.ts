import { scripts, type CompletionEntry } from '../completion/scripts.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { commonOptions } from '../command/options.ts';
import { nearest } from '../command/nearest.ts';
import { usage } from '../command/parse.ts';

export const command = defineCommand({
  operands: [{ name: 'SHELL', about: 'bash, zsh or fish' }],
  examples: [
    { line: 'source <(minke completion bash)', about: 'For ~/.bashrc; zsh likewise, in ~/.zshrc' },
    { line: 'minke completion fish >~/.config/fish/completions/minke.fish', about: 'For fish' },
  ],
  handle: async (context, { operands: [shell = ''] }) => {
    const script = Object.hasOwn(scripts, shell) ? scripts[shell as keyof typeof scripts] : undefined;
    if (script === undefined) throw unknownShell(shell);
    context.out.write(script(await entriesOf(context)));
  },
});

function unknownShell(shell: string): Error {
  const known = Object.keys(scripts);
  const guess = nearest(shell, known);
  const mend = guess === undefined ? `There are: ${known.join(', ')}` : `Did you mean ${guess}?`;
  return usage(`There is no completion for "${shell}"`, mend);
}

const entriesOf = ({ commands }: Context): Promise<CompletionEntry[]> =>
  Promise.all(
    commands.map(async ({ name, summary, load }) => ({
      name,
      summary,
      options: Object.entries({ ...(await load()).options, ...commonOptions }),
    })),
  );
