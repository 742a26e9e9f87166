import { createHash } from 'node:crypto';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** All that decides what a build makes, but for what its RUN lines fetch from elsewhere. */
export interface BuildInputs {
  readonly context: string;
  readonly dockerfileText: string;
  readonly args: Readonly<Record<string, string>>;
  readonly target: string | undefined;
  /** Ids of the images that it builds upon. */
  readonly baseIds: readonly string[];
}

/** Changes when any input does; files of the context by their last change, so that nothing has to be read. */
export async function buildKey({ context, ...others }: BuildInputs): Promise<string> {
  const hash = createHash('sha256').update('minke build 1').update(JSON.stringify(others));
  const entries = await readdir(context, { recursive: true });
  for (const name of entries.toSorted()) {
    // Size and mode change with it.
    const { ctimeNs, ino } = await lstat(join(context, name), { bigint: true });
    hash.update(JSON.stringify([name, String(ctimeNs), String(ino)]));
  }
  return hash.digest('hex');
}
