import { join } from 'node:path';
import { checkArchitecture } from './architecture/check.ts';
import { readSources } from './architecture/sources.ts';
import { layerTable } from './architecture/table.ts';
import { keepGenerated } from './generated-block.ts';

// Holds the imports of src/ against the layers and keeps the table in ARCHITECTURE.md equal to them (--write renews it).

const root = join(import.meta.dirname, '..');

async function main(): Promise<void> {
  const files = await readSources(join(root, 'src'));
  const stale = await keepGenerated(join(root, 'ARCHITECTURE.md'), 'layers', layerTable(), {
    write: process.argv.includes('--write'),
    command: 'npm run architecture -- --write',
  });
  const wrong = [...checkArchitecture(files), ...(stale === undefined ? [] : [stale])];
  for (const sentence of wrong) console.error(sentence);
  if (wrong.length > 0) process.exitCode = 1;
  else console.log(`${files.size} files keep to the layers, without a folder cycle`);
}

await main();
