import { existsSync, globSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { readElf, type Elf } from './elf.ts';

/** Everything that the dynamic loader opens for a program: its loader and all libraries, directly and indirectly. */
export interface Libraries {
  /** Paths as the loader finds them (they may be symlinks). */
  readonly paths: readonly string[];
  /**
   * Libraries found only because /etc/ld.so.conf names their folder. An image has no loader cache, so each needs a link
   * in a folder that the loader searches by itself: from the first path to the second.
   */
  readonly links: readonly (readonly [from: string, to: string])[];
  /** `needed by whom` of what is not on this machine. */
  readonly missing: readonly string[];
}

/** As ld.so(8) searches: DT_RUNPATH or DT_RPATH, the folders of ld.so.conf, the built-in ones. Empty for what is not ELF. */
export function findLibraries(program: string): Libraries {
  const first = readElf(program);
  const interpreter = first?.interpreter;
  const loader = interpreter === undefined ? undefined : basename(interpreter);
  const found = new Map<string, string>();
  const missing: string[] = [];
  const queue: { elf: Elf; path: string }[] = first === undefined ? [] : [{ elf: first, path: program }];
  const configured = configuredFolders();
  const builtIn = builtInFolders(interpreter);
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const own = [...next.elf.searchFolders, ...(first?.searchFolders ?? [])].map(expandOrigin(next.path));
    for (const name of [...next.elf.needed, ...loadedByName(next.elf)]) {
      if (found.has(name) || name === loader) continue;
      const path = findIn(name, [...own, ...configured, ...builtIn], next.elf.machine);
      if (path !== undefined) {
        found.set(name, path);
        queue.push({ elf: readElf(path) ?? next.elf, path });
      } else if (next.elf.needed.includes(name)) missing.push(`${name}, needed by ${next.path}`);
    }
  }
  const paths = [...(interpreter === undefined ? [] : [interpreter]), ...found.values()];
  return { paths, links: linksFor(found, configured, builtIn), missing };
}

/** glibc opens these by itself, without DT_NEEDED: names and DNS before 2.34, and unwinding when a thread is cancelled. */
function loadedByName(elf: Elf): readonly string[] {
  return elf.needed.includes('libc.so.6') ? ['libnss_files.so.2', 'libnss_dns.so.2', 'libgcc_s.so.1'] : [];
}

function builtInFolders(interpreter: string | undefined): readonly string[] {
  const own = interpreter !== undefined && existsSync(interpreter) ? [dirname(realpathSync(interpreter))] : [];
  return [...own, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
}

function configuredFolders(file = '/etc/ld.so.conf', depth = 0): readonly string[] {
  if (!existsSync(file) || depth > 8) return [];
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
  return lines.flatMap((line) => {
    const pattern = /^include\s+(.+)$/.exec(line)?.[1];
    if (pattern === undefined) return [line];
    return globSync(isAbsolute(pattern) ? pattern : join(dirname(file), pattern))
      .toSorted()
      .flatMap((included) => configuredFolders(included, depth + 1));
  });
}

function expandOrigin(path: string): (folder: string) => string {
  const origin = dirname(realpathSync(path));
  return (folder) => folder.replace(/\$ORIGIN|\$\{ORIGIN\}/g, origin);
}

function findIn(name: string, folders: readonly string[], machine: number): string | undefined {
  const candidates = name.includes('/') ? [name] : folders.map((folder) => join(folder, name));
  return candidates.find((path) => existsSync(path) && readElf(path)?.machine === machine);
}

function linksFor(
  found: ReadonlyMap<string, string>,
  configured: readonly string[],
  builtIn: readonly string[],
): Libraries['links'] {
  const home = builtIn[0];
  if (home === undefined) return [];
  const real = new Set(builtIn.filter((folder) => existsSync(folder)).map((folder) => realpathSync(folder)));
  return [...found].flatMap(([name, path]) => {
    const folder = dirname(path);
    const needsLink = configured.includes(folder) && !real.has(realpathSync(folder));
    return needsLink ? [[join(home, name), path] as const] : [];
  });
}
