import type { Stage } from './stages.ts';

const minute = 60_000;
const check = (name: string, ...args: readonly string[]): Stage => ({ name, args, limitMs: 3 * minute });

const places = ['src', 'scripts', 'test', 'examples', 'vitest.config.ts'];
const forgiving = '--no-error-on-unmatched-pattern';

/** What must hold before a commit, but for the tests; quickest first. */
export const checks: readonly Stage[] = [
  check('format', 'node_modules/oxfmt/bin/oxfmt', '--check', forgiving, ...places),
  check('lint', 'node_modules/oxlint/bin/oxlint', '--deny-warnings', forgiving, ...places),
  check('types', 'node_modules/typescript/bin/tsc', '--noEmit'),
  check('architecture', 'scripts/architecture.ts'),
  check('docs', 'scripts/docs.ts'),
  check('unused', 'node_modules/knip/bin/knip.js'),
];

/** Tests of these vitest projects; none = all. */
export const tests = (name: string, projects: readonly string[], more: readonly string[] = []): Stage => ({
  name,
  limitMs: 40 * minute,
  args: ['node_modules/vitest/vitest.mjs', 'run', ...projects.flatMap((one) => ['--project', one]), ...more],
});
