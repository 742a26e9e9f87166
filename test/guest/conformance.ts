import { registerHooks } from 'node:module';
import type { EngineSubject } from '../../src/engines/conformance.ts';
import { promises, skipped } from './vitest.ts';

/**
 * The conformance suite of the sandbox in a guest: a line of JSON for each promise. Arguments: the runtime, a pattern that
 * the promises' titles match, and as JSON the powers that this guest's kernel lacks, each with its reason.
 */
const [runtime = 'crun', pattern = '.', skips = '{}'] = process.argv.slice(2);

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'vitest' ? next(new URL('vitest.ts', import.meta.url).href, context) : next(specifier, context),
});
const { declareEngineConformance } = await import('../../src/engines/conformance.ts');
const { sandboxSubject } = await import('../integration/sandbox-subject.ts');
const subject = sandboxSubject(runtime as 'crun' | 'runc', JSON.parse(skips) as EngineSubject['skips']);
declareEngineConformance({ ...subject, slowness: 20 });

const wanted = promises.filter(({ title }) => new RegExp(pattern).test(title));
for (const title of skipped) tell({ title, state: 'skipped' });
for (const { title, run } of wanted) {
  const startedAt = performance.now();
  const failure = await run().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
  );
  const tookMs = Math.round(performance.now() - startedAt);
  tell({ title, state: failure === undefined ? 'kept' : 'broken', tookMs, ...(failure && { failure }) });
}
process.exit();

function tell(outcome: object): void {
  console.log(`promise: ${JSON.stringify(outcome)}`);
}
