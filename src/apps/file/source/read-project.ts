import { MinkeError } from '../../../errors/index.ts';
import type { MapNode, Place } from '../node.ts';
import { extendServices } from './extend-services.ts';
import { includeFiles } from './include-files.ts';
import { mergeFiles } from './merge-files.ts';
import { readSource, refuseAbsent, type Reading, type Source } from './read-source.ts';

/**
 * App files as one tree: each with what it includes and with what its services extend, then merged in order. Answers errors
 * for those that are not there.
 */
export function readProject(
  sources: readonly Source[],
  reading: Reading,
): { readonly root: MapNode | undefined; readonly absent: readonly MinkeError[] } {
  const absent: MinkeError[] = [];
  const root = readFiles(
    sources,
    sources.map(({ path }) => path),
    reading,
    (error) => absent.push(error),
  );
  return { root, absent };
}

/** `way`: the files that led here, for circles. */
function readFiles(
  sources: readonly Source[],
  way: readonly string[],
  reading: Reading,
  onAbsent: (error: MinkeError, source: Source) => void,
): MapNode | undefined {
  const readIncluded = (included: readonly Source[], at: Place, through: readonly string[]): MapNode | undefined =>
    readFiles(included, through, reading, (_, { path }) => refuseAbsent(path, at, reading));
  return sources.reduce<MapNode | undefined>((base, source) => {
    const read = readSource(source, reading);
    if (read instanceof MinkeError) onAbsent(read, source);
    if (read === undefined || read instanceof MinkeError) return base;
    const joined = includeFiles(read, source, way, reading, readIncluded);
    const whole = extendServices(joined, source, reading);
    return base === undefined ? whole : mergeFiles(base, whole);
  }, undefined);
}
