// Makes a checkout ready: packages, the pinned Node, system parts. Plain JavaScript and node: modules only, because it runs
// first, on whatever Node the machine has (20 or later), before there is a node_modules.
//
//   node scripts/setup.mjs [demo | test | ok | bench]   what `npm run demo`, `npm test`, `npm run ok` or `npm run bench` needs;
//                                                       demo when none is named
//
// It says nothing, and takes well under 100 ms, when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const utilLinux = { apt: 'util-linux', dnf: 'util-linux', apk: 'util-linux-misc', pacman: 'util-linux' };

/** Every program of the system that minke, its demo or its tests start. A new one is one line. */
const parts = [
  part('crun', 'starts containers', { apt: 'crun', dnf: 'crun', apk: 'crun', pacman: 'crun' }),
  part('slirp4netns', 'lets containers reach the outside', sameName('slirp4netns')),
  part('nft', 'says which connections are allowed', sameName('nftables')),
  part('ip', 'makes networks', { ...sameName('iproute2'), dnf: 'iproute' }),
  part('unshare', 'makes namespaces', utilLinux),
  part('nsenter', 'enters namespaces', utilLinux),
  part('psql', 'is packed into the voting example', {
    apt: 'postgresql-client',
    dnf: 'postgresql',
    apk: 'postgresql-client',
    pacman: 'postgresql-libs',
  }),
  part('busybox', 'is the shell of the voting example', {
    apt: 'busybox-static',
    dnf: 'busybox',
    apk: 'busybox-static',
    pacman: 'busybox',
  }),
  part('runc', 'starts containers where crun is missing', sameName('runc'), ['test']),
  part('git', 'is asked by the tests for the files of the project', sameName('git'), ['test']),
  part('buildah', 'builds Dockerfiles', sameName('buildah'), ['test']),
  part('docker-registry', 'keeps the images that the tests pull', sameName('docker-registry'), ['test']),
  part('haproxy', 'reads the same hostile requests as minke, for a test', sameName('haproxy'), ['test']),
  part(
    'pg_ctlcluster',
    'comes with the PostgreSQL that a test of containers packs',
    { ...sameName('postgresql'), dnf: 'postgresql-server' },
    ['test'],
  ),
  part('redis-server', 'is packed for a test of containers', { ...sameName('redis'), apt: 'redis-server' }, ['test']),
  part('strace', 'shows the tests what the daemon asks of the kernel', sameName('strace'), ['test']),
  peer('docker-compose', 'starts an app at the Docker API, for a test', sameName('docker-compose'), ['test']),
  part('chromium', 'shows pages to the browser tests', sameName('chromium'), ['test']),
  peer('linux.uml', 'is a kernel with nothing but cgroups v2, for a test', sameName('user-mode-linux'), ['test']),
  peer(
    'dockerd',
    'is what the engine "docker" is tested on, and what minke is measured against',
    { apt: 'docker.io', dnf: 'moby-engine', apk: 'docker', pacman: 'docker' },
    ['test', 'bench'],
  ),
];

/** How each package manager installs, for root on a machine where nobody answers questions. */
const managers = {
  apt: { program: 'apt-get', install: 'apt-get install -y --no-install-recommends' },
  dnf: { program: 'dnf', install: 'dnf install -y' },
  apk: { program: 'apk', install: 'apk add' },
  pacman: { program: 'pacman', install: 'pacman -S --needed --noconfirm' },
};

const profiles = ['demo', 'test', 'ok', 'bench'];

class SetupError extends Error {}

main(process.argv[2] ?? 'demo');

function main(profile) {
  const startedAt = Date.now();
  try {
    if (!profiles.includes(profile)) fail(`"${profile}" is not a set-up; name one of ${profiles.join(', ')}`);
    const packagesChanged = ensurePackages();
    const partsChanged = ensureParts(profile);
    if (packagesChanged || partsChanged) say(`ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`minke set-up: ${error.message}\n`);
    process.exitCode = 1;
  }
}

// ---- packages

function ensurePackages() {
  const stale = packageFolders().filter((folder) => readStamp(folder) !== wantedStamp(folder));
  const nodeIsMissing = packageFolders().includes(root) && !(existsSync(pinnedNode()) && existsSync(linkToNode()));
  for (const folder of stale) installPackages(folder);
  if (nodeIsMissing || stale.includes(root)) ensurePinnedNode();
  if (stale.includes(root)) checkKoffi();
  // Last, so that a set-up that broke off is done again.
  for (const folder of stale) writeFileSync(stampPath(folder), wantedStamp(folder));
  return stale.length > 0 || nodeIsMissing;
}

/** The project itself, and every example that has packages of its own: no workspaces, no links between them. */
function packageFolders() {
  const examples = subfolders(join(root, 'examples'));
  const candidates = [root, ...examples, ...examples.flatMap(subfolders)];
  return candidates.filter((folder) => existsSync(join(folder, 'package-lock.json')));
}

function subfolders(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map((entry) => join(folder, entry.name));
}

function stampPath(folder) {
  return join(folder, 'node_modules', '.minke-setup');
}

function readStamp(folder) {
  return existsSync(stampPath(folder)) ? readFileSync(stampPath(folder), 'utf8') : undefined;
}

function wantedStamp(folder) {
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  return `${process.platform}-${process.arch} ${lock}\n`;
}

function installPackages(folder) {
  say(`installing packages of ${relative(root, folder) || 'minke'} (npm ci)`);
  // No install scripts: none is needed but the one of `node`, which is run by name below. Others would compile for minutes,
  // and npm versions differ in which they allow. Development packages always: with NODE_ENV=production npm leaves them out.
  const flags = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, output } = run('npm', flags, { cwd: folder });
  if (status !== 0) fail(`npm ci failed in ${folder}:\n${output}`);
}

function pinnedNode() {
  return join(root, 'node_modules', 'node', 'bin', 'node');
}

/** What `npm run` finds as `node`. npm makes no link to a program that is not there yet. */
function linkToNode() {
  return join(root, 'node_modules', '.bin', 'node');
}

/** The package `node` holds no Node: its install script fetches the one for this machine. */
function ensurePinnedNode() {
  const folder = join(root, 'node_modules', 'node');
  const wanted = `v${JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version}`;
  if (versionOf(pinnedNode()) !== wanted) fetchNode(folder, wanted);
  if (!existsSync(linkToNode())) symlinkSync(join('..', 'node', 'bin', 'node'), linkToNode());
}

function fetchNode(folder, wanted) {
  say(`fetching Node ${wanted}`);
  const first = run(nodeThatStays(), ['installArchSpecificPackage.js'], { cwd: folder });
  if (versionOf(pinnedNode()) === wanted) return;
  const second = run('npm', ['rebuild', 'node'], { cwd: root });
  if (versionOf(pinnedNode()) === wanted) return;
  fail(`Cannot fetch Node ${wanted} for ${process.platform}-${process.arch}:\n${first.output}\n${second.output}`);
}

/** The Node that runs this script, unless that is the pinned one and `npm ci` has just removed it. */
function nodeThatStays() {
  return existsSync(process.execPath) ? process.execPath : 'node';
}

function versionOf(node) {
  return existsSync(node) ? run(node, ['--version'], {}).output.trim() : undefined;
}

/** koffi calls libc and comes prebuilt; on a platform without a build of it, better to hear it here. */
function checkKoffi() {
  const { status, output } = run(pinnedNode(), ['-e', 'require("koffi")'], { cwd: root });
  if (status !== 0)
    fail(`koffi does not load on ${process.platform}-${process.arch}; minke cannot call libc:\n${output}`);
}

// ---- system parts

function ensureParts(profile) {
  if (process.platform !== 'linux') return false;
  const missing = parts.filter((one) => one.profiles.includes(profile) && find(one.program) === undefined);
  const [needed, wished] = [missing.filter(({ isPeer }) => !isPeer), missing.filter(({ isPeer }) => isPeer)];
  installParts(needed);
  for (const one of wished) tryToInstall(one);
  return missing.length > 0;
}

/** Without a peer its row or its test is missing, and says so; that is no reason to do nothing. */
function tryToInstall(peer) {
  try {
    installParts([peer]);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`going on without ${peer.program}, which ${peer.purpose}: ${error.message}`);
  }
}

function installParts(missing) {
  if (missing.length === 0) return;
  const manager = managerOfThisMachine();
  if (manager === undefined) fail(`Install these programs first: ${names(missing)}`);
  const packages = [...new Set(missing.map((one) => one.packages[manager]))].join(' ');
  const command = `${managers[manager].install} ${packages}`;
  if (process.getuid?.() !== 0) fail(`These programs are missing: ${names(missing)}. Install them:\n  sudo ${command}`);
  if (manager !== 'apt') fail(`These programs are missing: ${names(missing)}. Install them:\n  ${command}`);
  installWithApt(missing, command);
}

function installWithApt(missing, command) {
  say('this machine lacks some programs:');
  for (const { program, purpose } of missing) say(`  ${program}, which ${purpose}`);
  say(`installing them: ${command}`);
  // A mirror that fails may not matter; if it does, the installation below says so.
  apt(['update', '-qq']);
  const { status, output } = apt(command.split(' ').slice(1));
  const stillMissing = missing.filter(({ program }) => find(program) === undefined);
  if (status === 0 && stillMissing.length === 0) return;
  fail(`Cannot install ${names(missing)}. Try it by hand:\n  ${command}\n${output}`);
}

function apt(args) {
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  return run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0', ...args], { environment });
}

function managerOfThisMachine() {
  return Object.keys(managers).find((name) => find(managers[name].program) !== undefined);
}

function names(missing) {
  return missing.map(({ program }) => program).join(', ');
}

/** Where a program is; system folders count too where PATH leaves them out, as it does for ordinary users of Debian. */
function find(program) {
  const folders = [...(process.env.PATH ?? '').split(':').filter(Boolean), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function part(program, purpose, packages, profiles = ['demo', 'test', 'bench']) {
  return { program, purpose, packages, profiles, isPeer: false };
}

/** Something that minke is only compared with, or shown on. */
function peer(program, purpose, packages, profiles = ['bench']) {
  return { program, purpose, packages, profiles, isPeer: true };
}

function sameName(name) {
  return { apt: name, dnf: name, apk: name, pacman: name };
}

// ---- processes and words

/** Runs a program to its end, out of the reach of the npm that may have started this script. */
function run(program, args, { cwd = root, environment = {} }) {
  const options = {
    cwd,
    env: { ...outerEnvironment(), ...environment },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  };
  const { status, stdout, stderr, error } = spawnSync(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  return { status, output: error === undefined ? `${stdout}${stderr}` : String(error) };
}

/**
 * The environment without what `npm run` adds: an npm inside would take the outer package for its own, and would be run by
 * the Node in the node_modules that it is about to replace.
 */
function outerEnvironment() {
  const added = /^npm_(lifecycle|package|config_local_prefix|config_prefix|command|execpath|node_execpath)/;
  const kept = Object.entries(process.env).filter(([key]) => !added.test(key));
  const path = (process.env.PATH ?? '').split(':').filter((folder) => !isOurs(folder));
  return { ...Object.fromEntries(kept), PATH: path.join(':') };
}

function isOurs(folder) {
  return folder.endsWith(`${sep}node-gyp-bin`) || resolve(folder).startsWith(join(root, 'node_modules') + sep);
}

function say(text) {
  process.stdout.write(`minke set-up: ${text}\n`);
}

function fail(text) {
  throw new SetupError(text);
}
