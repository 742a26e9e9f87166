import { expect, it } from 'vitest';
import { sandboxSubject } from './sandbox-subject.ts';

it.each([
  ['crun', 'runc'],
  ['runc', 'crun'],
] as const)('a daemon with %s leaves what one with %s adopts, hears the end of, and ends', async (first, next) => {
  const subject = await sandboxSubject(first).create();
  await subject.engine.recover();
  const asked = {
    streams: 'logs',
    argv: ['/bin/sh', '-c', 'trap "exit 5" TERM; while :; do sleep 0.1; done'],
  } as const;
  const [one, other] = [
    await subject.engine.start(subject.spec(asked)),
    await subject.engine.start(subject.spec(asked)),
  ];
  const before = await subject.engine.inspect(one.handle.id);
  const engine = await subject.reopen(undefined, next);
  const adopted = await engine.recover();
  expect(adopted.map(({ handle }) => handle.id).toSorted()).toEqual([one.handle.id, other.handle.id].toSorted());
  expect(await engine.inspect(one.handle.id)).toEqual(before);
  await engine.stop(one.handle.id, 0);
  await engine.stop(other.handle.id, 10_000);
  const endOf = async (id: string): Promise<unknown> => await adopted.find(({ handle }) => handle.id === id)?.exited;
  expect(await endOf(one.handle.id)).toMatchObject({ code: 137, cause: 'stopped' });
  expect(await endOf(other.handle.id)).toMatchObject({ code: 5, cause: 'stopped' });
  await engine.close({ purge: true });
  expect(await subject.leftovers()).toEqual([]);
  await subject.dispose();
});
