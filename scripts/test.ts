import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checks, tests } from './checks.ts';
import { reportOf, runStages, type StageResult } from './stages.ts';
import { tallyOf, type Tally } from './tally.ts';

// `npm test`: every check and every test, real containers included. Its last line is "N passed, N failed".

const report = join(import.meta.dirname, '..', 'test-results', 'results.json');

rmSync(report, { force: true });
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const results = [...setUp(), ...(await runStages([...checks, tests('tests', [], reporters)]))];
console.log(reportOf(results));

const tally = readTally();
if (tally.skipped > 0) console.log(`\n${tally.skipped} tests were skipped`);
// A check that fails counts as one: the last line must never say "0 failed" beside an exit code that says otherwise.
const failedChecks = results.filter(({ name, isOk }) => !isOk && name !== 'tests').length;
const ranNothing = tally.passed + tally.failed === 0;
const brokeOff = tally.failed === 0 && results.some(({ name, isOk }) => !isOk && name === 'tests');
const failed = tally.failed + failedChecks + (ranNothing || brokeOff ? 1 : 0);
console.log(`\n${tally.passed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;

/** How long the set-up took before this began, where the caller noted when it started. */
function setUp(): readonly StageResult[] {
  const startedAt = Number(process.env.MINKE_TEST_STARTED_AT_MS);
  return startedAt > 0 ? [{ name: 'set-up', isOk: true, ms: performance.timeOrigin - startedAt }] : [];
}

function readTally(): Tally {
  try {
    return tallyOf(readFileSync(report, 'utf8'));
  } catch (error) {
    console.error(`Cannot read ${report}: ${String(error)}`);
    return { passed: 0, failed: 0, skipped: 0 };
  }
}
