import { describe, expect, it } from 'vitest';
import type { MinkeError } from '../errors/index.ts';
import { createAdmission } from './admission.ts';
import type { Target } from './capacity.ts';

const target: Target = {
  app: 'a',
  name: 'f',
  kind: 'cgi',
  port: 0,
  timeoutMs: 0,
  concurrency: 2,
  limits: { memoryBytes: 0, pids: 0 },
};

const never = new AbortController().signal;
const full = expect.objectContaining({ code: 'QUEUE_FULL' }) as MinkeError;

describe('admission', () => {
  it('lets in as many as there are places, and the others in the order in which they came', async () => {
    const admission = createAdmission(10);
    const order: number[] = [];
    const leave = [await admission.enter(target, never), await admission.enter(target, never)];
    const waiting = [2, 3, 4].map(async (at) => {
      leave[at] = await admission.enter(target, never);
      order.push(at);
    });
    leave[1]?.();
    await waiting[0];
    expect(order).toEqual([2]);
    leave[0]?.();
    await waiting[1];
    leave[3]?.();
    await waiting[2];
    expect(order).toEqual([2, 3, 4]);
  });

  it('gives a place back once, however often it is told to', async () => {
    const admission = createAdmission(0);
    const leave = await admission.enter(target, never);
    await admission.enter(target, never);
    leave();
    leave();
    await admission.enter(target, never);
    await expect(admission.enter(target, never)).rejects.toEqual(full);
  });

  it('refuses who finds the line full, and keeps lines apart by function', async () => {
    const admission = createAdmission(1);
    const one = { ...target, concurrency: 1 };
    await admission.enter(one, never);
    void admission.enter(one, never);
    await expect(admission.enter(one, never)).rejects.toEqual(full);
    await expect(admission.enter({ ...one, name: 'g' }, never)).resolves.toBeTypeOf('function');
    await expect(admission.enter({ ...one, app: 'b' }, never)).resolves.toBeTypeOf('function');
  });

  it('lets a waiter go with its signal, and gives its turn to the next', async () => {
    const admission = createAdmission(10);
    const one = { ...target, concurrency: 1 };
    const leave = await admission.enter(one, never);
    const controller = new AbortController();
    const first = admission.enter(one, controller.signal);
    const second = admission.enter(one, never);
    controller.abort(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    leave();
    await expect(second).resolves.toBeTypeOf('function');
  });

  it('bounds how many hold on for something else, by the limit of the function if it has one', async () => {
    const admission = createAdmission(10);
    const two = { ...target, queueMax: 2 };
    const { promise, resolve } = Promise.withResolvers<string>();
    const held = [admission.hold(two, () => promise), admission.hold(two, () => promise)];
    await expect(admission.hold(two, () => promise)).rejects.toEqual(full);
    resolve('ready');
    expect(await Promise.all(held)).toEqual(['ready', 'ready']);
    expect(await admission.hold(two, () => promise)).toBe('ready');
  });
});
