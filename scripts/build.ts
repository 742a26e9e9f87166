import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { reportOf, runStages } from './stages.ts';

// `npm run build`: JavaScript and types in dist/, for publishing only, and a look at the package as others will see it.

rmSync(join(import.meta.dirname, '..', 'dist'), { recursive: true, force: true });
const results = await runStages([
  { name: 'compile', args: ['node_modules/typescript/bin/tsc', '--project', 'tsconfig.build.json'], limitMs: 180_000 },
  { name: 'package', args: ['node_modules/publint/src/cli.js', '--strict'], limitMs: 180_000 },
]);
console.log(reportOf(results));
if (!results.every(({ isOk }) => isOk)) process.exitCode = 1;
