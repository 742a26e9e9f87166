import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { undocumentedKeys } from './docs/app-file-keys.ts';
import { dockerCallTable, dockerFieldTable } from './docs/docker-calls.ts';
import { errorTable } from './docs/error-table.ts';
import { brokenLinks } from './docs/links.ts';
import { keepGenerated } from './generated-block.ts';

// Keeps the documents true: the tables are made from what the code has (--write renews them), links lead somewhere, and the README
// names the two commands that it promises.

const root = join(import.meta.dirname, '..');

async function main(): Promise<void> {
  const blocks = [
    ['errors.md', 'errors', errorTable()],
    ['docker-api.md', 'docker-calls', dockerCallTable()],
    ['docker-api.md', 'docker-fields', dockerFieldTable()],
  ] as const;
  const how = { write: process.argv.includes('--write'), command: 'npm run docs -- --write' };
  const stale: string[] = [];
  for (const [page, name, content] of blocks)
    stale.push((await keepGenerated(join(root, 'docs', page), name, content, how)) ?? '');
  const pages = await readPages();
  const readme = pages.get('README.md') ?? '';
  const wrong = [
    ...stale.filter((one) => one !== ''),
    ...undocumentedKeys(pages.get('docs/app-file.md') ?? ''),
    ...[...pages].flatMap(([file, text]) => brokenLinks(root, file, text)),
    ...['npm run demo', 'npm test']
      .filter((one) => !readme.includes(one))
      .map((one) => `README.md does not name ${one}`),
  ];
  for (const sentence of wrong) console.error(sentence);
  if (wrong.length > 0) process.exitCode = 1;
  else console.log(`${pages.size} pages are true to the code and lead somewhere`);
}

async function readPages(): Promise<ReadonlyMap<string, string>> {
  const pages = new Map<string, string>();
  const exclude = ['**/node_modules', 'dist', 'test-results', 'coverage', '.git'];
  for await (const path of glob('**/*.md', { cwd: root, exclude })) {
    pages.set(path, await readFile(join(root, path), 'utf8'));
  }
  return pages;
}

await main();
