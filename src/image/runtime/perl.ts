import { existsSync, globSync, lstatSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createTree } from '../layout/tree.ts';
import { addHostPath } from './host-path.ts';
import { addLibraries, type Fail } from './include.ts';
import type { Runtime } from './runtime.ts';
import { certificates } from './skeleton.ts';
import { addStandardLibrary } from './standard-library.ts';

/** Where Debian, and where Fedora and Alpine, put what belongs to Perl itself. */
const homes = [
  '/usr/lib/*/perl-base',
  '/usr/lib/*/perl/5.*',
  '/usr/share/perl/5.*',
  '/usr/lib64/perl5',
  '/usr/lib/perl5/core_perl',
  '/usr/share/perl5/core_perl',
];

/** The system's Perl with the modules that come with it; none of those that were installed beside it. */
export function perlRuntime(fail: Fail): Runtime {
  const program = '/usr/bin/perl';
  if (!existsSync(program))
    return fail('its runtime is Perl, which is not on this machine', 'Install it: apt-get install perl');
  const tree = createTree();
  addLibraries(tree, addHostPath(tree, program), fail);
  const folders = globSync([...homes]).filter((path) => statSync(path).isDirectory());
  if (!folders.some((folder) => existsSync(join(folder, 'strict.pm'))))
    return fail('the modules of Perl are not on this machine', 'Install them: apt-get install perl');
  for (const folder of folders.toSorted()) {
    // Debian names them by their version, and with a link by its first two numbers.
    if (lstatSync(folder).isSymbolicLink())
      tree.set(folder.slice(1), { type: 'symlink', target: readlinkSync(folder) });
    else addStandardLibrary(tree, folder, { leavesOut: (name) => name.endsWith('.pod') || name === 'pod' }, fail);
  }
  return {
    tree,
    environment: (source) => {
      const places = ['lib', 'local/lib/perl5', 'vendor/lib/perl5'];
      const own = places.filter((place) => existsSync(join(source, place))).map((place) => `/app/${place}`);
      return { ...certificates, ...(own.length === 0 ? {} : { PERL5LIB: own.join(':') }) };
    },
  };
}
