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
 * that names the service: what runs by then keeps running, and a new plan goes on from there. Answers the failures of steps
 * without which the plan goes on.
 */
export async function executeSteps(
  steps: readonly Step[],
  hands: Hands,
  onProgress: (progress: StepProgress) => void = () => undefined,
  options: ExecuteOptions = {},
): Promise<readonly MinkeError[]> {
  const { clock = systemClock, signal } = options;
  const doing: Doing = { hands, failures: [], leftOut: new Set() };
  for (const batch of batches(steps)) {
    signal?.throwIfAborted();
    const wanted = batch.filter((step) => !('service' in step && doing.leftOut.has(step.service)));
    const results = await Promise.allSettled(
      wanted.map((step) => perform(step, doing, clock, onProgress, () => signal?.aborted === true)),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
  return doing.failures;
}

interface Doing {
  readonly hands: Hands;
  /** Of steps without which the plan goes on. */
  readonly failures: MinkeError[];
  /** Services whose further steps are not taken. */
  readonly leftOut: Set<string>;
}

/** So many instances of a service are started or stopped at the same time: enough to share a wait, and not a burst. */
const instancesAtOnce = 16;

/** Steps that follow one another in the plan and do not wait for one another. */
function batches(steps: readonly Step[]): readonly (readonly Step[])[] {
  const result: Step[][] = [];
  for (const step of steps) {
    const last = result.at(-1);
    const [first] = last ?? [];
    if (last !== undefined && first !== undefined && isTogether(first, step, last.length)) last.push(step);
    else result.push([step]);
  }
  return result;
}

/** Images, and the places of one service. */
function isTogether(first: Step, step: Step, count: number): boolean {
  if (step.kind !== first.kind) return false;
  if (step.kind === 'prepare-image') return true;
  const isOfPlace = 'replica' in step && 'replica' in first;
  return isOfPlace && step.service === first.service && count < instancesAtOnce;
}

async function perform(
  step: Step,
  doing: Doing,
  clock: Clock,
  onProgress: (progress: StepProgress) => void,
  isAborted: () => boolean,
): Promise<void> {
  const subject = subjectOf(step);
  const named = { step: step.kind, ...(subject === undefined ? {} : { subject }) };
  const begun = clock.elapsed();
  onProgress({ ...named, state: 'begun' });
  try {
    await dispatch(step, doing);
  } catch (thrown) {
    if (isAborted()) throw thrown;
    const error = aboutService(toMinkeError(thrown), 'service' in step ? step.service : undefined);
    if (!('whenItFails' in step)) throw error;
    if (step.whenItFails === 'leave-out') doing.leftOut.add(step.service);
    doing.failures.push(error);
    doing.hands.goOnWithout(step.service, error);
    onProgress({ ...named, state: 'going', note: error.message });
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
  unpublish: ({ service, instances }, { hands }) => hands.unpublish(service, instances),
  'stop-instance': (step, { hands }) => hands.stopInstance(step, step.instance, step.graceMs),
  'take-up': (step, { hands }) => hands.takeUp(step, step.instance),
  'await-dependency': (step, { hands }) => hands.awaitDependency(step),
  'start-service': (step, { hands }) => hands.startService(step),
  'wait-ready': ({ service }, { hands }) => hands.waitReady(service),
  publish: ({ service }, { hands }) => hands.publish(service),
  'remove-network': (_, { hands }) => hands.removeNetwork(),
  'remove-volume': ({ volume }, { hands }) => hands.removeVolume(volume),
  'forget-app': (_, { hands }) => hands.forgetApp(),
};

const dispatch = (step: Step, doing: Doing): Promise<unknown> =>
  (table[step.kind] as (step: Step, doing: Doing) => Promise<unknown>)(step, doing);

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
