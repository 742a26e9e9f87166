import type { Problems } from './problems.ts';
import type { Reader } from './fields.ts';
import { wordsFor, type Place } from './node.ts';
import type { ReadMount } from './read-mounts.ts';
import { readList } from './readers.ts';
import { suggestion } from './problems.ts';

export interface VolumesFrom {
  readonly service: string;
  readonly readOnly: boolean;
  readonly at: Place;
}

/** `volumes_from` of older files: `db`, `db:ro`. */
export const readVolumesFrom: Reader<readonly VolumesFrom[]> = readList((node, problems) => {
  const [service = '', mode = 'rw', ...rest] = node.kind === 'scalar' ? node.text.split(':') : [];
  if (service === 'container') {
    return problems.unsupported(node.at, 'an instance is no part of an app file', 'Name the service instead.');
  }
  if (service === '' || rest.length > 0 || !['ro', 'rw'].includes(mode)) {
    return problems.badValue(node.at, wordsFor(node), 'it must be SERVICE or SERVICE:ro', 'Write - db:ro.');
  }
  return { service, readOnly: mode === 'ro', at: node.at };
});

interface Mounted {
  readonly mounts: readonly ReadMount[];
  readonly volumesFrom: readonly VolumesFrom[];
}

/** A service's mounts and those of the services that it takes volumes from, its own before theirs at the same path. */
export function joinVolumes(
  name: string,
  services: ReadonlyMap<string, Mounted>,
  problems: Problems,
  path: readonly string[] = [],
): readonly ReadMount[] {
  const service = services.get(name);
  if (service === undefined) return [];
  const taken = service.volumesFrom.flatMap(({ service: other, readOnly, at }): readonly ReadMount[] => {
    const way = [...path, name];
    if (!services.has(other)) {
      problems.badReference(at, other, 'a service of this file', suggestion(other, [...services.keys()]));
    }
    if (way.includes(other)) {
      problems.cycle(at, `"${other}" takes volumes from itself, by way of others`, 'Take one "volumes_from" out.');
      return [];
    }
    const mounts = joinVolumes(other, services, problems, way).filter(({ mount }) => mount.type !== 'tmpfs');
    return readOnly ? mounts.map(({ mount }) => ({ mount: { ...mount, readOnly }, at })) : mounts;
  });
  const own = new Set(service.mounts.map(({ mount }) => mount.target));
  return [...service.mounts, ...taken.filter(({ mount }) => !own.has(mount.target))];
}
