import type { Health } from '../model/health.ts';
import {
  decideHealth,
  decidePause,
  unchecked,
  verdictWithinMs,
  type Check,
  type HealthRules,
} from '../model/health-decision.ts';
import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Engine, Instance } from './engine.ts';

/** As much as Docker keeps of a check. */
const outputBytes = 4096;

/** One check of a living instance; undefined where it could not be carried out. */
export async function checkHealth(
  { engine, clock, log }: { readonly engine: Pick<Engine, 'execute'>; readonly clock: Clock; readonly log: Log },
  { handle, spec }: Pick<Instance, 'handle' | 'spec'>,
  { test, timeoutMs }: HealthRules,
  signal: AbortSignal,
): Promise<Check | undefined> {
  try {
    const { code, cause, output } = await engine.execute(handle.id, { argv: test, timeoutMs, outputBytes }, signal);
    return { code, isLate: cause === 'timed-out', output: plainText(output), at: clock.now() };
  } catch (error) {
    signal.throwIfAborted();
    log.debug('A health check could not be carried out', { app: spec.app, name: spec.name, error });
    return undefined;
  }
}

/** It is shown on terminals: nothing that steers one. */
const plainText = (output: Buffer): string =>
  output
    .toString('utf8')
    .replace(/[^\P{C}\n\t]/gu, ' ')
    .trim();

export interface WatchedHealth {
  readonly rules: HealthRules;
  /** Unix milliseconds. */
  readonly startedAt: number;
  readonly clock: Clock;
  readonly check: () => Promise<Check | undefined>;
  readonly signal: AbortSignal;
}

/** What each check made of an instance's health, one after the other until the signal is aborted, whose reason it throws. */
export async function* watchHealth(
  watched: WatchedHealth,
): AsyncGenerator<{ readonly before: Health; readonly health: Health }> {
  const { rules, startedAt, clock, check, signal } = watched;
  const ageMs = (): number => clock.now() - startedAt;
  const begun = clock.elapsed();
  let health = unchecked;
  for (let checks = 0; ; checks += 1) {
    if (checks > 0) await clock.sleep(decidePause(health, rules, ageMs(), checks), signal);
    const found = await check();
    signal.throwIfAborted();
    const before = health;
    health =
      found === undefined
        ? unseen(before, clock.elapsed() - begun, rules)
        : decideHealth(before, found, rules, ageMs());
    yield { before, health };
  }
}

/** A check that could not be carried out says nothing of the instance; without any for very long, nobody can call it well. */
function unseen(before: Health, waitedMs: number, rules: HealthRules): Health {
  const isOver = before.state === 'starting' && waitedMs > verdictWithinMs(rules);
  return isOver ? { ...before, state: 'unhealthy' } : before;
}
