import { openMap, type Fields } from './fields.ts';
import { deployKeys } from './keys.ts';
import type { Place } from './node.ts';
import type { Problems } from './problems.ts';
import { readInteger } from './readers.ts';

/** `deploy` of a service, opened once for all who read in it. */
export function openDeploy(service: Fields, problems: Problems): Fields | undefined {
  const node = service.node('deploy');
  return node === undefined ? undefined : openMap(node, deployKeys, problems);
}

export interface ReadReplicas {
  readonly count: number;
  readonly at: Place;
}

/** `deploy.replicas`, or `scale` as older files write it. */
export function readReplicas(
  service: Fields,
  deploy: Fields | undefined,
  problems: Problems,
): ReadReplicas | undefined {
  const [replicas, scale] = [deploy?.read('replicas', readInteger(0)), service.read('scale', readInteger(0))];
  if (replicas !== undefined && scale !== undefined && replicas !== scale) {
    const reason = `deploy.replicas says ${replicas}`;
    problems.badValue(service.placeOf('scale'), `"${scale}"`, reason, 'Keep one of the two.');
  }
  if (deploy !== undefined && replicas !== undefined) return { count: replicas, at: deploy.placeOf('replicas') };
  return scale === undefined ? undefined : { count: scale, at: service.placeOf('scale') };
}
