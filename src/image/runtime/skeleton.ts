import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createTree, type Tree } from '../layout/tree.ts';
import { addHostPath } from './host-path.ts';

/**
 * What every packed image starts with: accounts (root, node = 1000, nobody), name lookup, CA certificates, zone data, and
 * the links that a merged /usr has, so that host paths mean the same in every layer above.
 */
export function skeletonTree(): Tree {
  const tree = createTree();
  addFolders(tree);
  addUsrLinks(tree);
  for (const [path, text] of Object.entries(accountFiles)) {
    tree.set(path, { type: 'file', mode: 0o644, content: { bytes: Buffer.from(text) } });
  }
  addCertificates(tree);
  addZones(tree);
  return tree;
}

/** Account `node` as in Docker's official Node images. */
export const nodeUser = 1000;

const accountFiles: Readonly<Record<string, string>> = {
  'etc/passwd': [
    'root:x:0:0:root:/root:/bin/sh',
    `node:x:${nodeUser}:${nodeUser}:node:/home/node:/bin/sh`,
    'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
    '',
  ].join('\n'),
  'etc/group': ['root:x:0:', 'tty:x:5:', `node:x:${nodeUser}:`, 'nogroup:x:65534:', ''].join('\n'),
  'etc/nsswitch.conf': [
    'passwd: files',
    'group: files',
    'hosts: files dns',
    'services: files',
    'protocols: files',
    '',
  ].join('\n'),
};

/** Where the distributions keep the bundle; in the image it lies at Debian's path. */
const certificateBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];

const certificateBundle = '/etc/ssl/certs/ca-certificates.crt';

/** OpenSSL looks for them where its distribution put them; Node brings its own. */
export const certificates = { SSL_CERT_FILE: certificateBundle };

const zoneFolder = '/usr/share/zoneinfo';

function addFolders(tree: Tree): void {
  for (const path of ['usr/bin', 'usr/local/bin', 'usr/lib', 'usr/sbin'])
    tree.set(path, { type: 'folder', mode: 0o755 });
  tree.set('root', { type: 'folder', mode: 0o700 });
  tree.set('home/node', { type: 'folder', mode: 0o755, owner: nodeUser });
  for (const path of ['tmp', 'var/tmp']) tree.set(path, { type: 'folder', mode: 0o1777 });
}

function addUsrLinks(tree: Tree): void {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    const path = join('/', name);
    if (!existsSync(path)) continue;
    if (!lstatSync(path).isSymbolicLink()) tree.set(name, { type: 'folder', mode: 0o755 });
    else {
      const target = readlinkSync(path);
      tree.set(name, { type: 'symlink', target });
      tree.set(resolve('/', target).slice(1), { type: 'folder', mode: 0o755 });
    }
  }
}

function addCertificates(tree: Tree): void {
  const bundle = certificateBundles.find((path) => existsSync(path));
  if (bundle !== undefined)
    tree.set(certificateBundle.slice(1), { type: 'file', mode: 0o644, content: { path: bundle } });
}

/** All zones but `right/` and `posix/`, which are the same zones again, with and without leap seconds. */
function addZones(tree: Tree): void {
  if (!existsSync(zoneFolder)) return;
  for (const name of readdirSync(zoneFolder).toSorted()) {
    if (name !== 'right' && name !== 'posix') addHostPath(tree, join(zoneFolder, name));
  }
}
