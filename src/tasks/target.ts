import type { Run, RunTarget } from '../model/run.ts';

/** What people call it: the function's name or the image's reference. */
export const nameOfTarget = (target: RunTarget): string => ('function' in target ? target.function : target.image);

/** Runs of one lane share a concurrency limit; lanes take turns. One for each target of each app. */
export const laneOf = ({ app, target }: Pick<Run, 'app' | 'target'>): string =>
  JSON.stringify([app, 'function' in target ? 'function' : 'image', nameOfTarget(target)]);
