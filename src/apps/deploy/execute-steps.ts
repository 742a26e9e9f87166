import type { Instance } from '../../engines/engine.ts';
import { MinkeError, toMinkeError } from '../../errors/index.ts';
import { systemClock, type Clock } from '../../observe/clock.ts';
import type { Hands } from './hands.ts';
import type { Step } from './step.ts';

export interface StepProgress {
  readonly step: Step['kind'];
  /** The service, volume or instance that the step is about. */
  readonly subject?: string;
  readonly state: 'begun' | 'going' | 'ended';
  /** With `ended`: how long it took. */
  readonly ms?: number;
  /** With `going`: of what comes from a registry. */
  readonly doneBytes?: number;
  readonly totalBytes?: number;
  /** With `going`: a line that a build wrote. */
  readonly note?: string;
}

export interface ExecuteOptions {
  readonly clock?: Clock;
  /** Ends the deploy between two steps. */
  readonly signal?: AbortSignal;
}

/**
 * Carries a plan out, step after step; images are prepared at the same time. Rejects at the first step that fails, with an error
 * that names the service: what runs by then keeps running, and a new plan goes on from there.
 */
export async function executeSteps(
  steps: readonly Step[],
  hands: Hands,
  onProgress: (progress: StepProgress) => void = () => undefined,
  options: ExecuteOptions = {},
): Promise<void> {
  const { clock = systemClock, signal } = options;
  const doing: Doing = { hands, started: new Map() };
  for (const batch of batches(steps)) {
    signal?.throwIfAborted();
    const results = await Promise.allSettled(batch.map((step) => perform(step, doing, clock, onProgress)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}

interface Doing {
  readonly hands: Hands;
  /** Instances that this plan started, by service. */
  readonly started: Map<string, Instance>;
}

/** Images that are prepared one after another in the plan do not wait for one another. */
function batches(steps: readonly Step[]): readonly (readonly Step[])[] {
  const result: Step[][] = [];
  for (const step of steps) {
    const last = result.at(-1);
    if (step.kind === 'prepare-image' && last?.[0]?.kind === 'prepare-image') last.push(step);
    else result.push([step]);
  }
  return result;
}

async function perform(
  step: Step,
  doing: Doing,
  clock: Clock,
  onProgress: (progress: StepProgress) => void,
): Promise<void> {
  const subject = subjectOf(step);
  const named = { step: step.kind, ...(subject === undefined ? {} : { subject }) };
  const begun = clock.elapsed();
  onProgress({ ...named, state: 'begun' });
  try {
    await dispatch(step, doing);
  } catch (error) {
    throw aboutService(toMinkeError(error), 'service' in step ? step.service : undefined);
  }
  onProgress({ ...named, state: 'ended', ms: Math.round(clock.elapsed() - begun) });
}

type Table = {
  readonly [Kind in Step['kind']]: (step: Extract<Step, { kind: Kind }>, doing: Doing) => Promise<unknown>;
};

const table: Table = {
  'prepare-image': ({ service }, { hands }) => hands.prepareImage(service),
  'store-model': ({ model }, { hands }) => hands.storeModel(model),
  'ensure-network': ({ names, networks, ports }, { hands }) => hands.ensureNetwork({ names, networks, ports }),
  'ensure-volume': ({ volume }, { hands }) => hands.ensureVolume(volume),
  'set-routes': ({ routes }, { hands }) => hands.setRoutes(routes),
  unpublish: ({ service }, { hands }) => hands.unpublish(service),
  'stop-instance': ({ service, instance, graceMs }, { hands }) => hands.stopInstance(service, instance, graceMs),
  'start-service': async ({ service }, { hands, started }) => started.set(service, await hands.startService(service)),
  'wait-ready': (step, doing) => doing.hands.waitReady(step.service, instanceOf(step, doing)),
  publish: (step, doing) => doing.hands.publish(step.service, instanceOf(step, doing)),
  'remove-network': (_, { hands }) => hands.removeNetwork(),
  'remove-volume': ({ volume }, { hands }) => hands.removeVolume(volume),
  'forget-app': (_, { hands }) => hands.forgetApp(),
};

const dispatch = (step: Step, doing: Doing): Promise<unknown> =>
  (table[step.kind] as (step: Step, doing: Doing) => Promise<unknown>)(step, doing);

function instanceOf(step: { readonly service: string; readonly instance?: string }, doing: Doing): Instance {
  const found = step.instance === undefined ? doing.started.get(step.service) : doing.hands.findInstance(step.instance);
  if (found !== undefined) return found;
  throw new MinkeError('INSTANCE_START_FAILED', { name: step.service, reason: 'it ended during the deploy' });
}

function subjectOf(step: Step): string | undefined {
  if ('service' in step) return step.service;
  return 'volume' in step ? step.volume.name : undefined;
}

/** The same failure with the service in its text: a folder or an image alone does not say whose it is. */
function aboutService(error: MinkeError, service: string | undefined): MinkeError {
  if (service === undefined || error.message.includes(`"${service}"`)) return error;
  const named = new MinkeError(error.code, { ...error.facts, service }, { cause: error });
  named.message = `${service}: ${error.message}`;
  return named;
}
