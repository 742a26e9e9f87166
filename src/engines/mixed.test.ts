import { expect, it } from 'vitest';
import { newId } from '../model/ids.ts';
import type { EngineName, InstanceKind, InstanceSpec } from '../model/instance.ts';
import { conformanceScript } from './fake/fake.programs.ts';
import { createFakeEngine, createFakeHost, fakeSpec } from './fake/index.ts';
import { program } from './conformance/programs.ts';
import { createMixedEngine } from './mixed.ts';

const open = () => {
  const [sandbox, docker] = [createFakeHost(), createFakeHost()].map((host) =>
    createFakeEngine({ host, script: conformanceScript }),
  ) as [ReturnType<typeof createFakeEngine>, ReturnType<typeof createFakeEngine>];
  return { sandbox, docker, mixed: createMixedEngine({ sandbox, docker }) };
};

const specOf = (kind: InstanceKind, engine?: EngineName): InstanceSpec => ({
  ...fakeSpec({ argv: program('print', kind, ''), streams: 'logs' }),
  id: newId(),
  kind,
  ...(engine === undefined ? {} : { engine }),
});

it.each<[InstanceKind, EngineName | undefined, 'sandbox' | 'docker']>([
  ['service', undefined, 'docker'],
  ['http', undefined, 'docker'],
  ['container', undefined, 'docker'],
  ['cgi', undefined, 'sandbox'],
  ['task', undefined, 'sandbox'],
  ['task', 'docker', 'docker'],
  ['service', 'sandbox', 'sandbox'],
])('has a %s that insists on %s on the engine %s, and finds it there to its end', async (kind, engine, where) => {
  const { mixed, ...engines } = open();
  const { docker } = engines;
  const other = where === 'docker' ? engines.sandbox : engines.docker;
  const spec = specOf(kind, engine);
  const prepared: string[] = [];
  docker.prepare = async () => void prepared.push('docker');
  await mixed.prepare?.(spec);
  expect(prepared).toEqual(where === 'docker' ? ['docker'] : []);
  const { exited } = await mixed.start(spec);
  await exited;
  expect(await mixed.inspect(spec.id)).toMatchObject({ state: 'ended' });
  expect([await engines[where].ended(), await other.ended()]).toEqual([[spec.id], []]);
  let said = '';
  for await (const { bytes } of mixed.logs.read(spec.id, {})) said += bytes.toString();
  expect(said).toBe(kind);
  expect(await mixed.ended()).toEqual([spec.id]);
  await mixed.remove(spec.id);
  expect(await mixed.ended()).toEqual([]);
});
