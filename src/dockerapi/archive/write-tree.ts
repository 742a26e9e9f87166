import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { posix } from 'node:path';
import { readPieces, type ByteSource } from '../../image/tar/byte-source.ts';
import { readArchive, type TarMember } from '../../image/tar/read-archive.ts';
import type { ArchiveAction } from './task.ts';

/** Unpacks an archive over what is there, which gives way; only a folder stays where a folder comes. */
export function writeTree({ path, keepsKinds }: ArchiveAction & { kind: 'write' }, archive: ByteSource): void {
  if (!statSync(path).isDirectory())
    throw Object.assign(new Error('extraction point is not a directory'), { code: 'ENOTDIR' });
  const folders: TarMember[] = [];
  for (const member of readArchive(archive, 'the archive')) {
    const target = posix.join(path, member.name);
    mkdirSync(posix.dirname(target), { recursive: true, mode: 0o755 });
    if (member.type === 'folder') {
      makeFolder(target, keepsKinds);
      folders.push(member);
      continue;
    }
    giveWay(target, keepsKinds);
    make(member, target, path, archive);
  }
  // Last: whatever comes into a folder changes its time.
  for (const member of folders.toReversed()) setFolder(member, posix.join(path, member.name));
}

function makeFolder(target: string, keepsKinds: boolean): void {
  const there = lstatSync(target, { throwIfNoEntry: false });
  if (there?.isDirectory() === true) return;
  if (there !== undefined) {
    if (keepsKinds) throw conflict(`cannot overwrite non-directory "${target}" with directory`);
    rmSync(target, { recursive: true, force: true });
  }
  mkdirSync(target);
}

function giveWay(target: string, keepsKinds: boolean): void {
  const there = lstatSync(target, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (keepsKinds && there.isDirectory()) throw conflict(`cannot overwrite directory "${target}" with non-directory`);
  rmSync(target, { recursive: true, force: true });
}

function make(member: TarMember, target: string, root: string, archive: ByteSource): void {
  const { type, linkName, uid, gid, mtimeSeconds } = member;
  if (type === 'file') return makeFile(member, target, archive);
  if (type === 'hardlink') return linkSync(posix.join(root, linkName), target);
  if (type !== 'symlink')
    throw Object.assign(new Error(`"${member.name}" is a ${type}, which is not made in a container`), {
      code: 'ENOSYS',
    });
  symlinkSync(linkName, target);
  lchownSync(target, uid, gid);
  lutimesSync(target, mtimeSeconds, mtimeSeconds);
}

/** Under this name there is nothing: what comes to be there meanwhile is not written through. */
function makeFile(
  { bodyOffset, size, mode, uid, gid, mtimeSeconds }: TarMember,
  target: string,
  archive: ByteSource,
): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const file = openSync(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    for (const piece of readPieces(archive, bodyOffset, size)) writeAll(file, piece);
    fchownSync(file, uid, gid);
    fchmodSync(file, mode);
    futimesSync(file, mtimeSeconds, mtimeSeconds);
  } finally {
    closeSync(file);
  }
}

function setFolder({ uid, gid, mode, mtimeSeconds }: TarMember, target: string): void {
  chownSync(target, uid, gid);
  chmodSync(target, mode);
  utimesSync(target, mtimeSeconds, mtimeSeconds);
}

function writeAll(file: number, piece: Buffer): void {
  for (let done = 0; done < piece.length;) done += writeSync(file, piece, done);
}

const conflict = (message: string): Error => Object.assign(new Error(message), { code: 'EEXIST' });
