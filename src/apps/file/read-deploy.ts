import type { FileContext } from './context.ts';
import { openMap, type Fields } from './fields.ts';
import { deployKeys, idleDeployKeys } from './keys.ts';
import type { Place } from './node.ts';
import type { Problems } from './problems.ts';
import { readInteger, readOneOf } from './readers.ts';
import { warnOfIdle } from './warnings.ts';

/** `deploy` of a service, opened once for all who read in it. */
export function openDeploy(service: Fields, context: FileContext): Fields | undefined {
  const node = service.node('deploy');
  const deploy = node === undefined ? undefined : openMap(node, deployKeys, context.problems);
  if (deploy === undefined) return undefined;
  warnOfIdle(deploy, idleDeployKeys, context);
  const mode = deploy.read('mode', readMode);
  if (mode !== undefined && mode.endsWith('-job')) {
    const mend = 'Write x-minke: {function: task}, and run it: minke run NAME.';
    context.problems.unsupported(deploy.placeOf('mode'), 'what runs to its end is a task', mend);
  }
  return deploy;
}

/** `global` is one for each host, of which there is one. */
const readMode = readOneOf(['replicated', 'global', 'replicated-job', 'global-job']);

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
