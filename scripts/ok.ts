import { checks, tests } from './checks.ts';
import { reportOf, runStages } from './stages.ts';

// `npm run ok`: what must hold before a commit, in well under a minute and without containers.

const results = await runStages([...checks, tests('unit', ['unit'])]);
console.log(reportOf(results));
if (!results.every(({ isOk }) => isOk)) process.exitCode = 1;
