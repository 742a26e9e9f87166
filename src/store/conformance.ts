import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../model/ids.ts';
import type { AppModel } from '../model/app.ts';
import type { ContainerRecord } from '../model/container.ts';
import type { Run } from '../model/run.ts';
import { aRun } from './run.fixture.ts';
import { idempotencyMs, type RunFilter, type Store } from './store.ts';

/** A store under test: `open` gives it afresh over the same data, as a restart of the daemon does. */
export interface StoreUnderTest {
  open(): Promise<Store>;
  /** Deletes the data. */
  dispose(): Promise<void>;
}

/** What every store promises, whatever it stores in. */
export function describeStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`${name} store`, () => {
    let subject: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      subject = await make();
      store = await subject.open();
    });
    afterEach(async () => {
      await store.close();
      await subject.dispose();
    });
    const accept = async (fields: Partial<Run> = {}): Promise<Run> => store.runs.accept(aRun(fields));
    const idsOf = async (filter: RunFilter): Promise<string[]> => (await store.runs.list(filter)).map(({ id }) => id);
    const settledAt = async (endedAt: number, fields: Partial<Run> = {}): Promise<string> =>
      (await accept({ createdAt: endedAt, state: 'succeeded', endedAt, ...fields })).id;
    const reopen = async (): Promise<void> => {
      await store.close();
      store = await subject.open();
    };
    describe('runs', () => {
      it('gives a run back as it was accepted, also after a restart', async () => {
        const run = aRun({
          parent: newId(),
          idempotencyKey: 'k',
          options: { stdin: 'open', cpus: 0.5 },
          env: { A: 'ä\n' },
        });
        expect(await store.runs.accept(run)).toEqual(run);
        await reopen();
        expect(await store.runs.get(run.id)).toEqual(run);
      });

      it('knows which settled runs owe a call-back, in their order, until each is settled once', async () => {
        const owing = async (after?: string, limit = 10) => (await store.runs.owing(after, limit)).map(({ id }) => id);
        const callback = { url: 'http://a/', state: 'owed' } as const;
        await accept({ callback });
        await settledAt(1);
        const [first, second] = [await settledAt(2, { callback }), await settledAt(1, { callback })];
        await reopen();
        expect(await owing()).toEqual([first, second]);
        expect(await owing(undefined, 1)).toEqual([first]);
        expect(await owing(first)).toEqual([second]);
        await store.runs.settleCallback(first, 'delivered');
        await store.runs.settleCallback(first, 'failed');
        expect(await owing()).toEqual([second]);
        expect((await store.runs.get(first))?.callback).toEqual({ ...callback, state: 'delivered' });
        await store.runs.remove(second);
        await store.runs.settleCallback(second, 'failed');
        expect(await owing()).toEqual([]);
      });

      it('knows whose output is beyond what may be kept, the oldest first, until it is removed', async () => {
        const excess = async (most: number, limit = 10) =>
          (await store.runs.ofExcessOutput(most, limit)).map(({ id }) => id);
        const callback = { url: 'http://a/', state: 'owed' } as const;
        await settledAt(1, { outputBytes: 10, callback });
        const [last, first] = [await settledAt(9, { outputBytes: 10 }), await settledAt(2, { outputBytes: 10 })];
        const second = await settledAt(3, { outputBytes: 10 });
        await settledAt(1);
        await accept({ outputBytes: 10 });
        expect(await excess(40)).toEqual([]);
        expect(await excess(20)).toEqual([first]);
        expect(await excess(9)).toEqual([first, second, last]);
        expect(await excess(0, 1)).toEqual([first]);
        await store.runs.markOutputRemoved(first);
        expect(await excess(0)).toEqual([second, last]);
        expect(await store.runs.get(first)).toMatchObject({ outputBytes: 0, isOutputRemoved: true });
      });

      it('answers undefined for a run that is not there', async () => {
        expect(await store.runs.get(newId())).toBeUndefined();
        expect(await store.runs.input(newId())).toBeUndefined();
      });

      it('keeps input byte for byte until the run is removed', async () => {
        const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
        const { id } = await store.runs.accept(aRun(), bytes);
        await reopen();
        expect(await store.runs.input(id)).toEqual(bytes);
        await store.runs.remove(id);
        expect(await store.runs.input(id)).toBeUndefined();
        expect(await store.runs.get(id)).toBeUndefined();
      });

      it('gives a run other options, whatever its state', async () => {
        const run = await accept();
        await store.runs.move(run.id, ['queued'], 'cancelled', { endedAt: 9 });
        const changed = { ...run, state: 'cancelled', endedAt: 9, options: { name: 'another' } };
        expect(await store.runs.setOptions(run.id, { name: 'another' })).toEqual(changed);
        await reopen();
        expect(await store.runs.get(run.id)).toEqual(changed);
        expect(await store.runs.setOptions(newId(), {})).toBeUndefined();
      });

      it('removes a run twice without complaint', async () => {
        const { id } = await accept();
        await store.runs.remove(id);
        await expect(store.runs.remove(id)).resolves.toBeUndefined();
      });

      it('answers the earlier run to the same idempotency key of the same app, for 24 hours', async () => {
        const first = await accept({ idempotencyKey: 'once', createdAt: 1000 });
        expect(await accept({ idempotencyKey: 'once', createdAt: 999 + idempotencyMs })).toEqual(first);
        const other = await accept({ app: 'another', idempotencyKey: 'once', createdAt: 1000 });
        const later = await accept({ idempotencyKey: 'once', createdAt: 1000 + idempotencyMs });
        expect(new Set([first.id, other.id, later.id]).size).toBe(3);
        expect(await store.runs.list({})).toHaveLength(3);
      });

      it('stores one run for one idempotency key that many use at once', async () => {
        const accepted = await Promise.all(Array.from({ length: 50 }, () => accept({ idempotencyKey: 'same' })));
        expect(new Set(accepted.map(({ id }) => id)).size).toBe(1);
        expect(await store.runs.list({})).toHaveLength(1);
      });

      it('finds a run by the beginning of its id while only one begins so', async () => {
        const run = await accept({ id: `aa1${'0'.repeat(61)}` });
        await accept({ id: `aa2${'0'.repeat(61)}` });
        expect(await store.runs.find('aa1')).toEqual(run);
        expect(await store.runs.find(run.id)).toEqual(run);
        for (const none of ['aa', 'aa3', '', 'AA1', '%', `${run.id}0`])
          expect(await store.runs.find(none)).toBeUndefined();
      });

      it('lists newest first and by app, function, state and parent', async () => {
        const parent = newId();
        const a = await accept({ target: { function: 'f' } });
        const b = await accept({ app: 'another', target: { function: 'f' }, createdAt: a.createdAt });
        const c = await accept({ target: { image: 'f' }, parent });
        expect(await idsOf({})).toEqual([c.id, b.id, a.id]);
        expect(await idsOf({ app: 'shop' })).toEqual([c.id, a.id]);
        expect(await idsOf({ function: 'f' })).toEqual([b.id, a.id]);
        expect(await idsOf({ app: 'shop', function: 'f' })).toEqual([a.id]);
        expect(await idsOf({ parent })).toEqual([c.id]);
        expect(await idsOf({ states: ['queued'], limit: 1 })).toEqual([c.id]);
        expect(await idsOf({ states: ['succeeded', 'starting'] })).toEqual([]);
        expect(await idsOf({ states: [] })).toEqual([]);
      });

      it('lists 100 unless told, and page by page in either order', async () => {
        const runs = await Promise.all(Array.from({ length: 101 }, () => accept()));
        expect(await store.runs.list({})).toHaveLength(100);
        const ids = runs.map(({ id }) => id);
        const page = await store.runs.list({ order: 'oldest', limit: 60 });
        const rest = await store.runs.list({ order: 'oldest', limit: 60, after: page.at(-1)?.id ?? '' });
        expect([...page, ...rest].map(({ id }) => id)).toEqual(ids);
        const newest = await store.runs.list({ after: ids[2] ?? '' });
        expect(newest.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
        expect(await store.runs.list({ after: newId() })).toEqual([]);
      });

      it('moves a run with what is new about it, and keeps the rest', async () => {
        const run = await accept();
        const instance = newId();
        expect(await store.runs.move(run.id, ['queued'], 'starting', { attempts: 1, instance })).toEqual({
          ...run,
          state: 'starting',
          attempts: 1,
          instance,
        });
        await store.runs.move(run.id, ['starting'], 'running', { startedAt: 5 });
        const error = { code: 'RUN_FAILED', message: 'It "failed"' };
        const settled = { endedAt: 9, exitCode: 3, error };
        await store.runs.move(run.id, ['starting', 'running'], 'failed', settled);
        await reopen();
        expect(await store.runs.get(run.id)).toEqual({
          ...run,
          state: 'failed',
          attempts: 1,
          instance,
          startedAt: 5,
          ...settled,
        });
      });

      it('forgets start and instance of a run that goes back to the queue', async () => {
        const run = await accept();
        await store.runs.move(run.id, ['queued'], 'starting', { attempts: 1, instance: newId() });
        await store.runs.move(run.id, ['starting'], 'running', { startedAt: 5 });
        expect(await store.runs.move(run.id, ['running'], 'queued', { attempts: 0 })).toEqual(run);
      });

      it('goes back to the queue with how it failed, and when it may begin again', async () => {
        const retries = { max: 3, firstMs: 1000, longestMs: 60_000 };
        const run = await accept({ retries, notBefore: 50, expiresAt: 90_000 });
        const failures = [
          { attempt: 1, instance: newId(), endedAt: 7, exitCode: 1, error: { code: 'RUN_FAILED', message: '"no"' } },
        ];
        await store.runs.move(run.id, ['queued'], 'starting', { attempts: 1, instance: newId() });
        const again = await store.runs.move(run.id, ['starting'], 'queued', { failures, notBefore: 1007 });
        expect(again).toEqual({ ...run, attempts: 1, failures, notBefore: 1007 });
        await reopen();
        expect(await store.runs.get(run.id)).toEqual(again);
        await store.runs.move(run.id, ['queued'], 'starting', { attempts: 2 });
        const lost = await store.runs.move(run.id, ['starting'], 'queued', { attempts: 1 });
        expect(lost?.notBefore).toBeUndefined();
        expect(lost?.failures).toEqual(failures);
      });

      it('does a settled run once more, with its input, once however many ask; no other run', async () => {
        const input = Uint8Array.of(1, 2, 3);
        const run = await store.runs.accept(aRun(), input);
        const again = (): Run => aRun({ retryOf: run.id });
        expect(await store.runs.retry(run.id, again())).toBeUndefined();
        expect(await store.runs.retry(newId(), again())).toBeUndefined();
        await store.runs.move(run.id, ['queued'], 'dead', { endedAt: 1 });
        expect(await idsOf({ states: ['dead'], isRetried: false })).toEqual([run.id]);
        const answers = await Promise.all([store.runs.retry(run.id, again()), store.runs.retry(run.id, again())]);
        const [id = ''] = new Set(answers.map((answer) => answer?.id));
        expect(answers.map((answer) => answer?.id)).toEqual([id, id]);
        expect(await store.runs.get(id)).toMatchObject({ state: 'queued', retryOf: run.id });
        expect(await store.runs.input(id)).toEqual(input);
        expect(await store.runs.get(run.id)).toMatchObject({ state: 'dead', retriedAs: id });
        expect(await idsOf({ states: ['dead'], isRetried: false })).toEqual([]);
        expect(await idsOf({ isRetried: true })).toEqual([run.id]);
      });

      it('knows where every run is that it ever accepted', async () => {
        const ids = await Promise.all(Array.from({ length: 6 }, async () => (await accept()).id));
        const [first = '', second = '', third = '', fourth = ''] = ids;
        await store.runs.move(first, ['queued'], 'starting', { attempts: 1 });
        await store.runs.move(second, ['queued'], 'failed', { endedAt: 1 });
        await store.runs.move(third, ['queued'], 'dead', { endedAt: 1 });
        await store.runs.move(fourth, ['queued'], 'cancelled', { endedAt: 1 });
        await store.runs.remove(fourth);
        await store.runs.remove(fourth);
        await accept({ idempotencyKey: 'once' });
        await accept({ idempotencyKey: 'once' });
        await store.runs.retry(third, aRun());
        await reopen();
        expect(await store.runs.ledger()).toEqual({
          accepted: 8,
          waiting: 4,
          inFlight: 1,
          settled: 1,
          dead: 1,
          removed: 1,
        });
      });

      it('settles a run exactly once however many try', async () => {
        const { id } = await accept();
        const tries = await Promise.all(
          Array.from({ length: 20 }, (_, exitCode) =>
            store.runs.move(id, ['queued'], 'failed', { endedAt: 1, exitCode }),
          ),
        );
        expect(tries.filter((row) => row !== undefined)).toHaveLength(1);
        expect((await store.runs.get(id))?.exitCode).toBe(0);
      });

      it('answers undefined when asked to move a run that is elsewhere or gone', async () => {
        const { id } = await accept();
        expect(await store.runs.move(id, ['running'], 'succeeded', { endedAt: 1 })).toBeUndefined();
        expect(await store.runs.move(newId(), ['queued'], 'cancelled', { endedAt: 1 })).toBeUndefined();
      });

      it('refuses an edge that is not drawn, and a settled run without its end', async () => {
        const { id } = await accept();
        await expect(store.runs.move(id, ['succeeded'], 'queued')).rejects.toMatchObject({ code: 'INTERNAL' });
        await expect(store.runs.move(id, ['queued'], 'cancelled')).rejects.toMatchObject({ code: 'INTERNAL' });
        expect((await store.runs.get(id))?.state).toBe('queued');
      });

      it('fails one bad request without failing the good ones beside it', async () => {
        const twin = aRun();
        const all = await Promise.allSettled([accept(), accept(twin), accept(twin), accept(), store.runs.list({})]);
        expect(all.map(({ status }) => status)).toEqual([
          'fulfilled',
          'fulfilled',
          'rejected',
          'fulfilled',
          'fulfilled',
        ]);
        expect(await store.runs.list({})).toHaveLength(3);
      });
    });

    describe('retention', () => {
      const day = idempotencyMs;
      const expired = async (maxAgeMs: number, maxCount: number, limit = 100): Promise<string[]> =>
        (await store.runs.expired({ now: 3 * day, maxAgeMs, maxCount, maxDeadAgeMs: 2 * day, limit })).map(
          ({ id }) => id,
        );

      it('names settled runs that are too old, the oldest first, and no unsettled one', async () => {
        const second = await settledAt(2000);
        const first = await settledAt(1000);
        await settledAt(2 * day);
        await accept({ createdAt: 0 });
        expect(await expired(day, 100)).toEqual([first, second]);
        expect(await expired(day, 100, 1)).toEqual([first]);
      });

      it('names those beyond the count, also where many ended in one millisecond', async () => {
        const ids: string[] = [];
        for (let index = 0; index < 5; index += 1) ids.push(await settledAt(2 * day + 1));
        expect(await expired(3 * day, 2)).toEqual(ids.slice(0, 3));
        expect(await expired(3 * day, 5)).toEqual([]);
      });

      it('does not count out a run whose idempotency key still counts', async () => {
        await settledAt(2 * day + 1, { idempotencyKey: 'fresh' });
        const stale = await settledAt(2 * day, { idempotencyKey: 'stale' });
        expect(await expired(3 * day, 0)).toEqual([stale]);
      });

      it('keeps a dead run for longer, until it is done once more', async () => {
        const old = await settledAt(day - 1, { state: 'dead' });
        const waiting = await settledAt(day + 1, { state: 'dead' });
        expect(await expired(day, 0)).toEqual([old]);
        await store.runs.retry(waiting, aRun());
        expect(await expired(day, 0)).toEqual([old, waiting]);
      });
    });

    describe('apps', () => {
      it('keeps the last model of each app, in order of their names, until it is removed', async () => {
        await store.apps.put(anApp('b'));
        await store.apps.put(anApp('a', '/old'));
        await store.apps.put(anApp('a', '/new'));
        await reopen();
        expect(await store.apps.list()).toEqual([anApp('a', '/new'), anApp('b')]);
        expect(await store.apps.get('a')).toEqual(anApp('a', '/new'));
        await store.apps.remove('a');
        await store.apps.remove('a');
        expect(await store.apps.get('a')).toBeUndefined();
      });

      it('keeps how services ended, of each place the last, until it is removed or its app is', async () => {
        const end = (app: string, service: string, code: number, replica = 1) => ({
          app,
          service,
          replica,
          digest: 'sha256:1',
          outcome: { state: 'given-up' as const, code, cause: 'exited' as const, restarts: 2, at: 7 },
        });
        await store.apps.putEnd(end('a', 'job', 1));
        await store.apps.putEnd(end('a', 'job', 2));
        await store.apps.putEnd(end('a', 'job', 5, 2));
        await store.apps.putEnd(end('a', 'other', 3));
        await store.apps.putEnd(end('b', 'job', 4));
        await reopen();
        const job = [end('a', 'job', 2), end('a', 'job', 5, 2)];
        expect(await store.apps.ends()).toEqual([...job, end('a', 'other', 3), end('b', 'job', 4)]);
        await store.apps.removeEnd({ app: 'a', service: 'job', replica: 1 });
        await store.apps.removeEnd({ app: 'a', service: 'job', replica: 1 });
        await store.apps.remove('b');
        expect(await store.apps.ends()).toEqual([...job.slice(1), end('a', 'other', 3)]);
      });
    });

    describe('schedules', () => {
      it('keeps the last tick of each schedule, until it is removed or its app is', async () => {
        const tick = (app: string, entry: string, at: number) => ({ app, function: 'work', entry, tick: at });
        await store.schedules.put({ ...tick('a', 'one', 1), run: newId() });
        const last = { ...tick('a', 'one', 2), run: newId() };
        await store.schedules.put(last);
        await store.schedules.put(tick('a', 'two', 3));
        await store.schedules.put(tick('b', 'one', 4));
        await reopen();
        expect(await store.schedules.get('a', 'work', 'one')).toEqual(last);
        expect(await store.schedules.get('a', 'work', 'two')).toEqual(tick('a', 'two', 3));
        await store.schedules.remove('a', 'work', 'one');
        await store.schedules.remove('a', 'work', 'one');
        await store.apps.remove('b');
        expect(await store.schedules.get('a', 'work', 'one')).toBeUndefined();
        expect(await store.schedules.get('a', 'work', 'two')).toBeDefined();
        expect(await store.schedules.get('b', 'work', 'one')).toBeUndefined();
      });
    });

    describe('containers', () => {
      const aContainer = (more: Partial<ContainerRecord> = {}): ContainerRecord => ({
        id: newId(),
        app: 'default',
        args: ['true'],
        env: {},
        options: { name: 'one' },
        createdAt: 1,
        image: { id: 'sha256:1', reference: 'img' },
        runs: [],
        restarts: 0,
        quickEnds: 0,
        isStopped: false,
        ...more,
      });

      it('keeps what was put last, the oldest container first, until it is removed', async () => {
        const [one, two] = [aContainer(), aContainer()];
        for (const container of [one, two]) await store.containers.put(container);
        const changed = { ...one, runs: [one.id], restarts: 2 };
        await store.containers.put(changed);
        await reopen();
        expect(await store.containers.list()).toEqual([changed, two]);
        await store.containers.remove(one.id);
        await store.containers.remove(one.id);
        expect(await store.containers.list()).toEqual([two]);
      });

      it('has the lives of a container expire once it is removed, and not before', async () => {
        const container = aContainer();
        await store.containers.put(container);
        const life = await settledAt(1, { container: container.id });
        const other = await settledAt(2);
        const expired = async () =>
          (await store.runs.expired({ now: 1000, maxAgeMs: 10, maxCount: 0, maxDeadAgeMs: 10, limit: 10 })).map(
            ({ id }) => id,
          );
        expect(await expired()).toEqual([other]);
        await store.containers.remove(container.id);
        expect(await expired()).toEqual([life, other]);
      });
    });

    describe('timeline', () => {
      it('lists the newest events, oldest first, by app and time', async () => {
        const events = [1, 2, 3, 4].map((at) => ({ at, kind: 'k', app: at % 2 === 0 ? 'even' : 'odd', facts: { at } }));
        for (const event of events) await store.timeline.append(event);
        await reopen();
        expect(await store.timeline.list({})).toEqual(events);
        expect(await store.timeline.list({ limit: 2 })).toEqual(events.slice(2));
        expect(await store.timeline.list({ since: 3 })).toEqual(events.slice(2));
        expect(await store.timeline.list({ app: 'even', since: 3 })).toEqual(events.slice(3));
      });
    });

    it('carries out what was asked before it was closed, refuses what comes after, and closes once', async () => {
      const before = accept();
      const closed = Promise.all([store.close(), store.close()]);
      await expect(accept()).rejects.toMatchObject({ code: 'INTERNAL' });
      await closed;
      store = await subject.open();
      expect(await store.runs.get((await before).id)).toBeDefined();
    });
  });
}

function anApp(name: string, folder = '/srv'): AppModel {
  return { name, folder, services: {}, volumes: {}, networks: {}, secrets: {}, configs: {} };
}
