import { accessSync, constants } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { runProgram } from '../../linux/run-program.ts';

/** Debian's buildah with a storage of its own, and nothing of this machine's configuration. */
export interface Buildah {
  /** Answers the exit code. `folder` holds whatever it needs while it runs. */
  run(args: readonly string[], onLine: (line: string) => void, signal: AbortSignal): Promise<number>;
  /** For commands that read images. */
  readonly policyFlags: readonly string[];
}

/** @throws MISSING_PROGRAM */
export async function openBuildah(folder: string, env: NodeJS.ProcessEnv): Promise<Buildah> {
  const programs = { buildah: '', setpriv: '', unshare: '' };
  programs.buildah = findProgram('buildah', env, 'buildah');
  for (const name of ['setpriv', 'unshare'] as const) programs[name] = findProgram(name, env, 'util-linux');
  const files = {
    // Nothing is pulled by buildah itself: minke brings every image, with its own checks.
    'registries.conf': 'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "disabled"\n',
    'policy.json': '{"default": [{"type": "insecureAcceptAnything"}]}',
    'containers.conf': '',
    'storage.conf': '[storage]\ndriver = "vfs"\n',
  };
  for (const name of ['home', 'tmp', 'run']) await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const storage = ['--storage-driver', 'vfs', '--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
  const configuration = ['--registries-conf', join(folder, 'registries.conf')];
  return {
    policyFlags: ['--signature-policy', join(folder, 'policy.json')],
    run: async (args, onLine, signal) =>
      await runProgram({
        argv: [...contained(programs), programs.buildah, ...storage, ...configuration, ...args],
        env: {
          ...proxiesIn(env),
          PATH: env['PATH'] ?? defaultPath,
          HOME: join(folder, 'home'),
          TMPDIR: join(folder, 'tmp'),
          XDG_RUNTIME_DIR: join(folder, 'run'),
          CONTAINERS_CONF: join(folder, 'containers.conf'),
          CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
        },
        onLine,
        signal,
      }),
  };
}

/**
 * Its mounts and processes are in namespaces of their own, so that whatever it starts ends with it, however that comes: killed
 * by us, or because the daemon was.
 */
const contained = ({ setpriv, unshare }: { readonly setpriv: string; readonly unshare: string }): readonly string[] => [
  setpriv,
  '--pdeathsig=KILL',
  '--',
  unshare,
  '--mount',
  '--propagation=private',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  '--',
];

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function findProgram(program: string, env: NodeJS.ProcessEnv, packageName: string): string {
  const folders = (env['PATH'] ?? defaultPath).split(delimiter).filter((folder) => folder !== '');
  const found = folders.map((folder) => join(folder, program)).find(isExecutable);
  if (found !== undefined) return found;
  const install = `apt-get install ${packageName}`;
  throw new MinkeError('MISSING_PROGRAM', { program, purpose: 'builds Dockerfiles', install });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** RUN lines that fetch something need them as much as minke does. */
function proxiesIn(env: NodeJS.ProcessEnv): Record<string, string> {
  const isProxy = (name: string): boolean => /^(https?|no|all|ftp)_proxy$/i.test(name);
  return Object.fromEntries(
    Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined && isProxy(pair[0])),
  );
}
