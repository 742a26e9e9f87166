import type { ScaleModel } from '../../model/app.ts';
import { openMap, type Reader } from './fields.ts';
import { refuseLaterScale } from './read-later.ts';
import { readDuration, readInteger } from './readers.ts';

/** Of an `http` function whose file says nothing. */
export const defaultScale: ScaleModel = { maxInstances: 20, idleMs: 60_000 };

export const defaultQueueMax = 1000;

const scaleKeys = ['min', 'max', 'target', 'idle', 'spare', 'cpu', 'memory', 'step', 'cooldown'];

export const readScale: Reader<ScaleModel> = (node, problems) => {
  const fields = openMap(node, { known: scaleKeys }, problems);
  if (fields === undefined) return undefined;
  const maxInstances = fields.read('max', readInteger(1)) ?? defaultScale.maxInstances;
  refuseLaterScale(fields, maxInstances, problems);
  return { maxInstances, idleMs: fields.read('idle', readDuration) ?? defaultScale.idleMs };
};

/** Of a service, which is started by its first connection then: `min: 0` has to be said, since it runs all the time otherwise. */
export const readServiceScale: Reader<ScaleModel> = (node, problems) => {
  const fields = openMap(node, { known: scaleKeys }, problems);
  if (fields === undefined) return undefined;
  if (fields.node('min') === undefined)
    problems.unsupported(
      node.at,
      'without "min: 0" it comes with a later version',
      'Write scale: {min: 0, idle: 60s}.',
    );
  const max = fields.read('max', readInteger(1)) ?? 1;
  if (max > 1)
    problems.unsupported(fields.placeOf('max'), 'more than one comes with a later version', 'Write 1, or take it out.');
  refuseLaterScale(fields, max, problems);
  return { maxInstances: 1, idleMs: fields.read('idle', readDuration) ?? defaultScale.idleMs };
};

/** The number of requests that may wait. */
export const readQueue: Reader<number> = (node, problems) =>
  openMap(node, { known: ['max'] }, problems)?.read('max', readInteger(0)) ?? defaultQueueMax;
