import type { HostFiles } from '../host-files.ts';
import type { Variables } from '../interpolate.ts';
import type { Place } from '../node.ts';
import type { Problems } from '../problems.ts';
import { readDotenv } from '../read-dotenv.ts';

export interface EnvFiles {
  /** Absolute paths, a later one over the earlier. */
  readonly paths: readonly string[];
  readonly shownAs: (path: string) => string;
  /** What is missing is passed over, unless this says where it was named. */
  readonly namedAt?: Place;
}

/** Variables for `${VAR}`: `given` first, then what env files say. */
export function readVariables(given: Variables, files: EnvFiles, host: HostFiles, problems: Problems): Variables {
  const values = new Map<string, string>();
  for (const path of files.paths) {
    const text = host.kindOf(path) === 'file' ? host.read(path) : undefined;
    if (text === undefined) {
      if (files.namedAt !== undefined)
        problems.badReference(files.namedAt, files.shownAs(path), 'a file', `Make ${path}, or take it out.`);
      continue;
    }
    const dotenv = readDotenv(text, (name) => given(name) ?? values.get(name));
    for (const { line, reason, mend } of dotenv.problems) {
      problems.syntax({ file: files.shownAs(path), folder: '', line, path: '' }, reason, mend);
    }
    for (const [name, value] of dotenv.entries) if (value !== undefined) values.set(name, value);
  }
  return (name) => given(name) ?? values.get(name);
}
