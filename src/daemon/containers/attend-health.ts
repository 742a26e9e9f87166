import type { Engine } from '../../engines/engine.ts';
import { checkHealth, watchHealth } from '../../engines/health.ts';
import type { ImageStore } from '../../image/store.ts';
import { healthRules, unchecked } from '../../model/health-decision.ts';
import type { Run } from '../../model/run.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Instances } from '../parts/instances.ts';
import type { Kept, KeptHealth } from './kept.ts';

export interface AttendMeans {
  readonly engine: Pick<Engine, 'execute' | 'controls'>;
  readonly instances: Pick<Instances, 'get'>;
  readonly images: Pick<ImageStore, 'inspect'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** As many as Docker shows. */
const mostChecks = 5;

/** Checks one life of a container until the signal is aborted, whose reason it throws; returns where nothing is to be checked. */
export async function attendHealth(
  { images, ...means }: AttendMeans,
  kept: Kept,
  { instance: id = '' }: Run,
  signal: AbortSignal,
  onChange: (health: KeptHealth) => void,
): Promise<void> {
  const { options, image } = kept.record;
  const rules = healthRules(options.healthcheck, (await images.inspect(image.id))?.config.healthcheck);
  const instance = means.instances.get(id);
  signal.throwIfAborted();
  kept.health = rules === undefined ? undefined : { ...unchecked, checks: [] };
  if (rules === undefined || instance === undefined) return;
  // What is paused gets no time to answer.
  const check = async () =>
    means.engine.controls?.isPaused(id) === true ? undefined : await checkHealth(means, instance, rules, signal);
  const { clock } = means;
  for await (const { before, health } of watchHealth({ rules, startedAt: instance.startedAt, clock, check, signal })) {
    const known: KeptHealth['checks'] = kept.health?.checks ?? [];
    const isNew = health.last !== undefined && health.last !== before.last;
    kept.health = { ...health, checks: isNew ? [...known, health.last].slice(-mostChecks) : known };
    if (health.state !== before.state) onChange(kept.health);
  }
}
