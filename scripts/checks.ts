import type { Stage } from './stages.ts';

const places = ['src', 'scripts', 'test', 'examples', 'vitest.config.ts'];
const forgiving = '--no-error-on-unmatched-pattern';

/** What must hold before a commit, but for the tests; quickest first. */
export const checks: readonly Stage[] = [
  { name: 'format', args: ['node_modules/oxfmt/bin/oxfmt', '--check', forgiving, ...places] },
  { name: 'lint', args: ['node_modules/oxlint/bin/oxlint', '--deny-warnings', forgiving, ...places] },
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '--noEmit'] },
  { name: 'architecture', args: ['scripts/architecture.ts'] },
  { name: 'docs', args: ['scripts/docs.ts'] },
  { name: 'unused', args: ['node_modules/knip/bin/knip.js'] },
];

/** Tests of these vitest projects; none = all. */
export const tests = (name: string, projects: readonly string[], more: readonly string[] = []): Stage => ({
  name,
  args: ['node_modules/vitest/vitest.mjs', 'run', ...projects.flatMap((one) => ['--project', one]), ...more],
});
