import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { installCommand, neededPrograms, runtimeFor, runtimes, type HostFacts } from '../../model/host.ts';
import { ok, warns, type Finding } from './finding.ts';

/** What the sandbox goes on without, and what does not work then. */
const wished = [
  {
    program: { name: 'slirp4netns', package: 'slirp4netns', purpose: 'connects apps to the outside' },
    means: 'containers cannot reach anything outside their app',
  },
  {
    program: { name: 'buildah', package: 'buildah', purpose: 'builds Dockerfiles' },
    means: 'Dockerfiles cannot be built; folders without one can',
  },
] as const;

/** The programs that are there, and those that the sandbox goes on without. What it needs and lacks is told as a refusal. */
export function checkPrograms(facts: HostFacts, path: string): readonly Finding[] {
  return [
    ...checkRuntime(facts, path),
    ...neededPrograms.flatMap(({ name }) => foundAt(name, path)),
    ...wished.flatMap(({ program, means }) => {
      const found = foundAt(program.name, path);
      return found.length > 0 ? found : [warns(program.name, 'not found', means, installCommand(program, facts))];
    }),
  ];
}

/** Where a program lies: in PATH, or where system programs lie that a plain user's PATH leaves out. */
export function findProgram(name: string, path: string): string | undefined {
  const folders = [...path.split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'].filter((one) => one !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function checkRuntime(facts: HostFacts, path: string): Finding[] {
  const { name } = runtimeFor(facts);
  const [best] = runtimes;
  const taken = foundAt(name, path);
  if (facts.runtime !== undefined) return taken.map((one) => ({ ...one, found: `${one.found}, by MINKE_RUNTIME` }));
  if (best === undefined || name === best.name) return taken;
  const means = `${best.name} is missing: ${name} starts containers in its place, and takes three times as long`;
  return taken.map(({ found }) => warns(name, found, means, installCommand(best, facts)));
}

const foundAt = (name: string, path: string): Finding[] => {
  const found = findProgram(name, path);
  return found === undefined ? [] : [ok(name, found)];
};

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
