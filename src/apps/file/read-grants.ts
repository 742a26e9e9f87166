import { posix } from 'node:path';
import type { GrantModel } from '../../model/app.ts';
import { defined } from './defined.ts';
import { openMap, type Fields, type Reader } from './fields.ts';
import { grantKeys } from './keys.ts';
import type { Place } from './node.ts';
import type { Problems } from './problems.ts';
import { readInteger, readList, readWord, scalar } from './readers.ts';

export interface ReadGrant {
  readonly model: GrantModel;
  readonly at: Place;
}

/** `secrets` or `configs` of a service: a name, or `{source, target, uid, gid, mode}`. */
export const readGrants = (fields: Fields, kind: GrantModel['kind']): readonly ReadGrant[] =>
  fields.read(`${kind}s`, readList(readGrant(kind))) ?? [];

const readGrant =
  (kind: GrantModel['kind']): Reader<ReadGrant> =>
  (node, problems) => {
    const fields = node.kind === 'scalar' ? undefined : openMap(node, grantKeys, problems);
    if (node.kind !== 'scalar' && fields === undefined) return undefined;
    const source = fields === undefined ? readWord(node, problems) : fields.read('source', readWord);
    if (source === undefined) {
      if (fields !== undefined && fields.node('source') === undefined)
        problems.badValue(node.at, 'without a source', 'it needs one', 'Write source: NAME.');
      return undefined;
    }
    const target = targetOf(kind, source, fields, fields?.placeOf('target') ?? node.at, problems);
    return target === undefined
      ? undefined
      : {
          model: { kind, source, target, mode: fields?.read('mode', readMode) ?? 0o444, ...ownerOf(fields) },
          at: node.at,
        };
  };

const ownerOf = (fields: Fields | undefined): Pick<GrantModel, 'uid' | 'gid'> =>
  defined({
    uid: fields?.read('uid', readInteger(0, 2 ** 32 - 2)),
    gid: fields?.read('gid', readInteger(0, 2 ** 32 - 2)),
  });

/** A secret lies in /run/secrets, a config at the root, unless its target is a path. */
function targetOf(
  kind: GrantModel['kind'],
  source: string,
  fields: Fields | undefined,
  at: Place,
  problems: Problems,
): string | undefined {
  const asked = fields?.read('target', readWord) ?? source;
  const path = posix.resolve(kind === 'secret' ? '/run/secrets' : '/', asked);
  if (!asked.split('/').includes('..') && path !== '/' && !/^\/(?:proc|sys|dev|run\/minke)(?:\/|$)/.test(path))
    return path;
  return problems.badValue(at, `"${asked}"`, 'no file can be put there', 'Write /run/secrets/NAME.');
}

/** YAML reads 440 as a decimal number, which nobody means. */
const readMode = scalar('the rights of a file, with a 0 in front', 'Write 0440.', (text) => {
  const digits = /^0o?([0-7]{3,4})$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
});
