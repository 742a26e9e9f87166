import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

// The set-up runs as a process in a project of its own. Programs of the system are small scripts that note how they were
// called; the set-up itself is the real one.

let project: string;

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'minke-setup-'));
  await mkdir(join(project, 'scripts'));
  await mkdir(join(project, 'bin'));
  await copyFile(join(import.meta.dirname, 'setup.mjs'), join(project, 'scripts', 'setup.mjs'));
});

afterEach(async () => {
  await rm(project, { recursive: true });
});

describe('packages', () => {
  beforeEach(async () => {
    await addPrograms('crun', 'slirp4netns', 'nft', 'ip', 'unshare', 'nsenter', 'psql', 'busybox');
    // An npm that puts in place what the real one would: a `node` of the wanted version, and a koffi that loads.
    await addProgram(
      'npm',
      `echo "npm $*" >> ${project}/calls
       /bin/mkdir -p node_modules/.bin node_modules/node/bin node_modules/koffi
       echo '{"version":"${process.versions.node}"}' > node_modules/node/package.json
       /bin/ln -sf ${process.execPath} node_modules/node/bin/node
       echo > node_modules/koffi/index.js`,
    );
    await writeFile(join(project, 'package-lock.json'), '{}');
  });

  it('are installed once, development packages included, and again when the lock file changed', async () => {
    expect(setUp('demo').exitCode).toBe(0);
    const again = setUp('demo');
    expect(again).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(await calls()).toEqual([expect.stringMatching(/^npm ci --ignore-scripts --include=dev/)]);

    await writeFile(join(project, 'package-lock.json'), '{ }');
    expect(setUp('demo').exitCode).toBe(0);
    expect(await calls()).toHaveLength(2);
  });

  it('of examples are installed too', async () => {
    await mkdir(join(project, 'examples', 'voting', 'vote'), { recursive: true });
    await writeFile(join(project, 'examples', 'voting', 'vote', 'package-lock.json'), '{}');
    const { exitCode, stdout } = setUp('demo');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('installing packages of examples/voting/vote');
    expect(await calls()).toHaveLength(2);
  });

  it('are installed again after an installation that broke off', async () => {
    await addProgram('npm', 'echo no network >&2; exit 1');
    const broken = setUp('demo');
    expect(broken.exitCode).toBe(1);
    expect(broken.stderr).toContain('no network');
    expect(setUp('demo').exitCode).toBe(1);
  });

  it('leave a Node where npm scripts look for one', async () => {
    setUp('demo');
    const { stdout } = spawnSync(join(project, 'node_modules', '.bin', 'node'), ['--version'], { encoding: 'utf8' });
    expect(stdout.trim()).toBe(process.version);
  });
});

describe.runIf(process.getuid?.() === 0)('system parts, as root', () => {
  it('are installed with apt-get after saying what for', async () => {
    await addPrograms('slirp4netns', 'nft', 'ip', 'unshare', 'nsenter', 'busybox');
    await addProgram(
      'apt-get',
      `echo "apt-get $*" >> ${project}/calls
       for program in crun psql; do echo '#!/bin/sh' > ${project}/bin/$program; /bin/chmod +x ${project}/bin/$program; done`,
    );
    const { exitCode, stdout } = setUp('demo');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('crun, which starts containers');
    const [update, install] = await calls();
    expect(update).toMatch(/ update /);
    expect(install).toMatch(/ install -y --no-install-recommends crun postgresql-client$/);
    expect(setUp('demo').stdout).toBe('');
  });

  it('are advised where the package manager is not known well', async () => {
    await addPrograms('apk', 'slirp4netns', 'nft', 'ip', 'unshare', 'nsenter', 'psql', 'busybox');
    const { exitCode, stderr } = setUp('demo');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('apk add crun');
  });

  it('are reported with the output of apt-get when they cannot be installed', async () => {
    await addPrograms('slirp4netns', 'nft', 'ip', 'unshare', 'nsenter', 'psql', 'busybox');
    await addProgram('apt-get', 'echo mirror is away >&2; exit 100');
    const { exitCode, stderr } = setUp('demo');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('apt-get install -y --no-install-recommends crun');
    expect(stderr).toContain('mirror is away');
  });
});

it('refuses a set-up that it does not know', () => {
  expect(setUp('everything')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('"everything"') });
});

it('takes packages only for the checks without containers', async () => {
  expect(setUp('ok')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
});

function setUp(profile: string): { exitCode: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(project, 'scripts', 'setup.mjs'), profile], {
    env: { PATH: join(project, 'bin') },
    encoding: 'utf8',
  });
  return { exitCode: status, stdout, stderr };
}

async function addPrograms(...names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => addProgram(name, '')));
}

async function addProgram(name: string, script: string): Promise<void> {
  const path = join(project, 'bin', name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

async function calls(): Promise<readonly string[]> {
  return (await readFile(join(project, 'calls'), 'utf8')).trim().split('\n');
}
