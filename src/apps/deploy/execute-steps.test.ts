import { describe, expect, it } from 'vitest';
import { MinkeError } from '../../errors/index.ts';
import type { ReadyImage } from '../../model/instance.ts';
import { executeSteps, type StepProgress } from './execute-steps.ts';
import type { Hands } from './hands.ts';
import type { Spot, Step } from './step.ts';

const bringUp: readonly Step[] = [
  { kind: 'prepare-image', service: 'db', imageId: 'sha256:1' },
  { kind: 'prepare-image', service: 'vote', imageId: 'sha256:2' },
  { kind: 'ensure-network', names: ['db', 'vote'], networks: {}, ports: [] },
  { kind: 'start-service', service: 'db', replica: 1 },
  { kind: 'wait-ready', service: 'db' },
  { kind: 'publish', service: 'db' },
  { kind: 'set-routes', routes: [] },
];

describe('the execution of a plan', () => {
  it('gives each step to its hand, in order', async () => {
    const { hands, done } = createHands();
    await executeSteps(bringUp, hands);
    expect(done).toEqual([
      'prepareImage db',
      'prepareImage vote',
      'ensureNetwork',
      'startService db',
      'waitReady db',
      'publish db',
      'setRoutes',
    ]);
  });

  it('prepares images at the same time, and begins nothing else before all are there', async () => {
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const gates: Record<string, Promise<void>> = { db: first.promise, vote: second.promise };
    const { hands, done } = createHands({
      prepareImage: async (service) => {
        // Each waits for the other: one after the other would never end.
        if (service === 'vote') first.resolve();
        else second.resolve();
        await gates[service];
        return image;
      },
    });
    await executeSteps(bringUp, hands);
    expect(done[0]).toBe('ensureNetwork');
  });

  it('starts and stops the places of one service at the same time, and one service after the other', async () => {
    const both = Promise.withResolvers<void>();
    const begun: string[] = [];
    const together = async ({ service, replica }: Spot): Promise<void> => {
      begun.push(`${service}.${replica}`);
      // Each waits for the other: one after the other would never end.
      if (replica === 2) both.resolve();
      await both.promise;
    };
    const { hands } = createHands({ startService: together });
    const start = (service: string, replica: number): Step => ({ kind: 'start-service', service, replica });
    await executeSteps([start('web', 1), start('web', 2), start('db', 1)], hands);
    expect(begun).toEqual(['web.1', 'web.2', 'db.1']);
  });

  it('stops at the step that fails, and leaves what runs running', async () => {
    const { hands, done } = createHands({
      waitReady: async (service) => {
        throw new MinkeError('INSTANCE_START_TIMEOUT', { name: service, seconds: 60 });
      },
    });
    await expect(executeSteps(bringUp, hands)).rejects.toMatchObject({
      code: 'INSTANCE_START_TIMEOUT',
      message: 'Cannot start "db": it was not ready within 60 s',
    });
    expect(done.at(-1)).toBe('startService db');
    expect(done.some((text) => text.startsWith('stopInstance'))).toBe(false);
  });

  it('names the service where the failure alone does not, and keeps its code', async () => {
    const { hands } = createHands({
      prepareImage: async () => {
        throw new MinkeError('PACK_FAILED', { folder: '/srv/x', reason: 'it is empty', mend: 'Fill it.' });
      },
    });
    await expect(executeSteps(bringUp, hands)).rejects.toMatchObject({
      code: 'PACK_FAILED',
      message: 'db: Cannot pack "/srv/x": it is empty',
      hint: 'Fill it.',
      facts: { service: 'db' },
    });
  });

  it('tells of each step as it begins and ends', async () => {
    const told: StepProgress[] = [];
    await executeSteps(bringUp.slice(3, 4), createHands().hands, (progress) => told.push(progress));
    expect(told).toEqual([
      { step: 'start-service', subject: 'db', state: 'begun' },
      { step: 'start-service', subject: 'db', state: 'ended', ms: expect.any(Number) },
    ]);
  });

  it('goes on without a service that nobody requires, and leaves out the rest of it', async () => {
    const steps: readonly Step[] = [
      { kind: 'start-service', service: 'cache', replica: 1, whenItFails: 'leave-out' },
      { kind: 'wait-ready', service: 'cache', whenItFails: 'leave-out' },
      { kind: 'publish', service: 'cache', whenItFails: 'leave-out' },
      {
        kind: 'await-dependency',
        service: 'web',
        dependency: 'cache',
        condition: 'service_healthy',
        whenItFails: 'go-on',
      },
      { kind: 'start-service', service: 'web', replica: 1 },
    ];
    const told: StepProgress[] = [];
    const fail = async (): Promise<never> => {
      throw new MinkeError('CRASH_LOOP', { name: 'cache', ends: 5, reason: 'it ended with exit code 1' });
    };
    const { hands, done } = createHands({ waitReady: fail, awaitDependency: fail });
    const failures = await executeSteps(steps, hands, (progress) => told.push(progress));
    expect(failures.map(({ code }) => code)).toEqual(['CRASH_LOOP', 'CRASH_LOOP']);
    expect(done).toEqual(['startService cache', 'goOnWithout cache', 'goOnWithout web', 'startService web']);
    expect(told.filter(({ note }) => note?.includes('crash loop'))).toHaveLength(2);
  });

  it('ends between two steps when it is aborted', async () => {
    const abort = new AbortController();
    const { hands, done } = createHands({ ensureNetwork: async () => abort.abort(new Error('enough')) });
    await expect(executeSteps(bringUp, hands, undefined, { signal: abort.signal })).rejects.toThrow('enough');
    expect(done).toEqual(['prepareImage db', 'prepareImage vote']);
  });
});

const image: ReadyImage = {
  id: 'sha256:1',
  reference: 'x',
  rootPath: '/x',
  config: { entrypoint: [], command: [], env: {}, workdir: '', user: '', exposedPorts: [], labels: {}, volumes: [] },
};

/** Hands that write down what they were asked. */
function createHands(special: Partial<Hands> = {}): { readonly hands: Hands; readonly done: string[] } {
  const done: string[] = [];
  const note = async (text: string): Promise<void> => void done.push(text);
  const hands: Hands = {
    prepareImage: async (service) => {
      await note(`prepareImage ${service}`);
      return image;
    },
    storeModel: () => note('storeModel'),
    ensureNetwork: () => note('ensureNetwork'),
    ensureVolume: ({ name }) => note(`ensureVolume ${name}`),
    setRoutes: () => note('setRoutes'),
    unpublish: (service, ids) => note(`unpublish ${service} ${ids.join(' ')}`),
    stopInstance: ({ service }, id) => note(`stopInstance ${service} ${id}`),
    startService: ({ service }) => note(`startService ${service}`),
    waitReady: (service) => note(`waitReady ${service}`),
    publish: (service) => note(`publish ${service}`),
    takeUp: ({ service }, id) => note(`takeUp ${service} ${id}`),
    awaitDependency: ({ service, dependency, condition }) => note(`await ${service} ${dependency} ${condition}`),
    goOnWithout: (service) => void done.push(`goOnWithout ${service}`),
    removeNetwork: () => note('removeNetwork'),
    removeVolume: ({ name }) => note(`removeVolume ${name}`),
    forgetApp: () => note('forgetApp'),
    ...special,
  };
  return { hands, done };
}
