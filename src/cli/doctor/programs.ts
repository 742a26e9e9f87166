import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { lacks, ok, warns, type Finding } from './finding.ts';

interface Program {
  readonly name: string;
  /** Debian's; other distributions mostly call it the same. */
  readonly package: string;
  readonly isNeeded: boolean;
  /** What does not work without it. */
  readonly means: string;
}

const programs: readonly Program[] = [
  { name: 'crun', package: 'crun', isNeeded: true, means: 'the sandbox cannot start containers' },
  { name: 'ip', package: 'iproute2', isNeeded: true, means: 'the sandbox cannot make the network of an app' },
  { name: 'nft', package: 'nftables', isNeeded: true, means: 'the sandbox cannot make the network of an app' },
  {
    name: 'slirp4netns',
    package: 'slirp4netns',
    isNeeded: false,
    means: 'containers cannot reach anything outside their app',
  },
  {
    name: 'buildah',
    package: 'buildah',
    isNeeded: false,
    means: 'Dockerfiles cannot be built; folders without one can',
  },
];

export function checkPrograms(path: string, isRoot: boolean): readonly Finding[] {
  return programs.map(({ name, package: packageName, isNeeded, means }) => {
    const found = findProgram(name, path);
    if (found !== undefined) return ok(name, found);
    const mend = installCommand(packageName, path, isRoot);
    return isNeeded ? lacks(name, 'not found', means, mend) : warns(name, 'not found', means, mend);
  });
}

/** Where a program lies: in PATH, or where system programs lie that a plain user's PATH leaves out. */
function findProgram(name: string, path: string): string | undefined {
  const folders = [...path.split(delimiter), '/usr/sbin', '/sbin'].filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

const installers: readonly (readonly [program: string, command: string])[] = [
  ['apt-get', 'apt-get install -y'],
  ['dnf', 'dnf install -y'],
  ['zypper', 'zypper install -y'],
  ['pacman', 'pacman -S --noconfirm'],
  ['apk', 'apk add'],
];

function installCommand(packageName: string, path: string, isRoot: boolean): string {
  const found = installers.find(([program]) => findProgram(program, path) !== undefined);
  return `${isRoot ? '' : 'sudo '}${found?.[1] ?? 'install'} ${packageName}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
