import { readFile, writeFile } from 'node:fs/promises';

/**
 * Keeps a generated part of a Markdown file between `<!-- NAME:begin ... -->` and `<!-- NAME:end -->` equal to `content`.
 * With `write` it is brought up to date; otherwise the answer is what is wrong, undefined when nothing is.
 */
export async function keepGenerated(
  path: string,
  name: string,
  content: string,
  { write, command }: { readonly write: boolean; readonly command: string },
): Promise<string | undefined> {
  const text = await readFile(path, 'utf8');
  const fresh = replaceBlock(text, name, content);
  if (fresh === undefined) return `${path} has no lines <!-- ${name}:begin --> and <!-- ${name}:end -->`;
  if (fresh === text) return undefined;
  if (!write) return `${path} is out of date between its ${name} marks; mend it with: ${command}`;
  await writeFile(path, fresh);
  return undefined;
}

/** The text with the block's inside replaced; undefined when it has no such block. */
export function replaceBlock(text: string, name: string, content: string): string | undefined {
  const lines = text.split('\n');
  const begin = lines.findIndex((line) => line.startsWith(`<!-- ${name}:begin`));
  const end = lines.findIndex((line) => line.startsWith(`<!-- ${name}:end`));
  if (begin === -1 || end < begin) return undefined;
  return [...lines.slice(0, begin + 1), '', content, '', ...lines.slice(end)].join('\n');
}
