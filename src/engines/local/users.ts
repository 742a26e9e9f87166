import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';

export interface OciUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

/**
 * `uid`, `uid:gid`, `name` or `name:group`, looked up in the image's own /etc/passwd and /etc/group as Docker does. A
 * number needs no entry; a name does. `groups` come on top.
 */
export function resolveUser(user: string, rootPath: string, groups: readonly string[] = []): OciUser {
  const found = lookUp(user, rootPath);
  return { ...found, additionalGids: [...found.additionalGids, ...groups.map((group) => groupId(group, rootPath))] };
}

function lookUp(user: string, rootPath: string): OciUser {
  const [name = '', groupName] = user.split(':');
  if (name === '' || name === 'root' || name === '0') {
    return { uid: 0, gid: groupName === undefined ? 0 : groupId(groupName, rootPath), additionalGids: [] };
  }
  const entry = lines(rootPath, 'passwd').find((fields) => fields[0] === name || fields[2] === name);
  const uid = entry === undefined ? Number(name) : Number(entry[2]);
  if (!isIdNumber(uid))
    throw new MinkeError('INSTANCE_START_FAILED', { name, reason: `the image has no user "${name}"` });
  if (groupName !== undefined) return { uid, gid: groupId(groupName, rootPath), additionalGids: [] };
  const additionalGids = lines(rootPath, 'group').filter(
    (fields) => fields[3]?.split(',').includes(entry?.[0] ?? '') === true,
  );
  return { uid, gid: Number(entry?.[3] ?? 0), additionalGids: additionalGids.map((fields) => Number(fields[2])) };
}

function groupId(name: string, rootPath: string): number {
  const gid = Number(lines(rootPath, 'group').find((fields) => fields[0] === name)?.[2] ?? name);
  if (!isIdNumber(gid))
    throw new MinkeError('INSTANCE_START_FAILED', { name, reason: `the image has no group "${name}"` });
  return gid;
}

const isIdNumber = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 2 ** 32 - 1;

function lines(rootPath: string, file: 'passwd' | 'group'): string[][] {
  try {
    return readFileSync(join(rootPath, 'etc', file), 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}
