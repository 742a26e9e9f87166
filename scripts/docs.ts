import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { undocumentedKeys } from './docs/app-file-keys.ts';
import { errorTable } from './docs/error-table.ts';
import { brokenLinks } from './docs/links.ts';
import { keepGenerated } from './generated-block.ts';

// Keeps the documents true: the table of errors is the catalogue's (--write renews it), links lead somewhere, and the README
// names the two commands that it promises.

const root = join(import.meta.dirname, '..');

async function main(): Promise<void> {
  const stale = await keepGenerated(join(root, 'docs', 'errors.md'), 'errors', errorTable(), {
    write: process.argv.includes('--write'),
    command: 'npm run docs -- --write',
  });
  const pages = await readPages();
  const readme = pages.get('README.md') ?? '';
  const wrong = [
    ...(stale === undefined ? [] : [stale]),
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
