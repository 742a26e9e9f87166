import { resolve } from 'node:path';
import type { MountModel } from '../../model/app.ts';
import { openMap, type Fields, type Reader } from './fields.ts';
import { bindKeys, mountKeys, tmpfsKeys, volumeMountKeys } from './keys.ts';
import { wordsFor, type Node, type Place } from './node.ts';
import type { Problems } from './problems.ts';
import { parseBytes } from './quantities.ts';
import { readAbsolutePath, readBoolean, readBytes, readOneOf, readWord, scalar } from './readers.ts';

export interface ReadMount {
  readonly mount: MountModel;
  readonly at: Place;
}

/** Bytes of a tmpfs whose size the file does not give. */
export const defaultTmpBytes = 64 * 1024 * 1024;

/** One of `volumes`, in the short (`SOURCE:TARGET:ro`) or the long syntax. */
export const readMount =
  (home: string | undefined): Reader<ReadMount> =>
  (node, problems) => {
    const mount = node.kind === 'scalar' ? shortMount(node, home, problems) : longMount(node, home, problems);
    return mount === undefined ? undefined : { mount, at: node.at };
  };

function shortMount(node: Node, home: string | undefined, problems: Problems): MountModel | undefined {
  const text = node.kind === 'scalar' ? node.text : '';
  const [source = '', target, mode = 'rw', ...rest] = text.split(':');
  const bad = (reason: string, mend: string): undefined => problems.badValue(node.at, wordsFor(node), reason, mend);
  if (target === undefined) return anonymous(node, source, problems);
  if (rest.length > 0 || source === '')
    return bad('it must be SOURCE:TARGET or SOURCE:TARGET:ro', 'Write NAME:/path or ./folder:/path.');
  if (!target.startsWith('/'))
    return bad('the path in the container must be absolute', `Write ${source}:/${target.replace(/^\.?\/*/, '')}.`);
  const flags = mode.split(',');
  const strange = flags.find((flag) => !/^(?:rw|ro|z|Z|cached|delegated|consistent|nocopy)$/.test(flag));
  if (strange !== undefined) return bad(`"${strange}" is not a mode of a mount`, 'Write ro, or nothing.');
  const place = target.replace(/(?<=.)\/+$/, '');
  return { ...sourceOf(source, node.at.folder, home), target: place, readOnly: flags.includes('ro') };
}

function anonymous(node: Node, target: string, problems: Problems): undefined {
  const mend = `Give it a name: data:${target}, and declare "data" under the top-level "volumes".`;
  problems.unsupported(node.at, 'a volume without a name is lost with its container', mend);
  return undefined;
}

function sourceOf(
  source: string,
  folder: string,
  home: string | undefined,
): Pick<MountModel, 'type'> & { readonly source: string } {
  if (/^~(?=\/|$)/.test(source)) return { type: 'bind', source: resolve(`${home ?? '/root'}${source.slice(1)}`) };
  if (/^[./]/.test(source)) return { type: 'bind', source: resolve(folder, source) };
  return { type: 'volume', source };
}

function longMount(node: Node, home: string | undefined, problems: Problems): MountModel | undefined {
  const fields = openMap(node, mountKeys, problems);
  const type = fields?.read('type', readOneOf(['volume', 'bind', 'tmpfs']));
  const target = fields?.read('target', readAbsolutePath);
  if (fields === undefined) return undefined;
  if (fields.node('type') === undefined)
    problems.badValue(fields.at, 'a mount without a type', 'it needs one', 'Write type: volume, bind or tmpfs.');
  if (fields.node('target') === undefined)
    problems.badValue(fields.at, 'a mount without a target', 'it needs one', 'Write target: /path.');
  const options = readOptions(fields, problems);
  if (type === undefined || target === undefined) return undefined;
  const readOnly = fields.read('read_only', readBoolean) ?? false;
  if (type === 'tmpfs') return { type, target, readOnly, ...tmpfsOf(fields, problems) };
  const source = fields.read('source', readWord);
  if (source === undefined) {
    problems.badValue(
      fields.at,
      `a ${type} without a source`,
      'it needs one',
      type === 'bind' ? 'Write source: ./folder.' : 'Write source: NAME.',
    );
    return undefined;
  }
  if (type === 'volume') return { type, source, target, readOnly, ...options };
  return { ...sourceOf(/^[./~]/.test(source) ? source : `./${source}`, node.at.folder, home), target, readOnly };
}

/** What a bind or a volume may say: what is so anyway, and the part of a volume that is meant. */
function readOptions(fields: Fields, problems: Problems): Pick<MountModel, 'subpath'> {
  const [bindNode, volumeNode] = [fields.node('bind'), fields.node('volume')];
  const bind = bindNode === undefined ? undefined : openMap(bindNode, bindKeys, problems);
  const volume = volumeNode === undefined ? undefined : openMap(volumeNode, volumeMountKeys, problems);
  refuseUnless(bind, 'propagation', ['rprivate', 'private'], 'mounts of the host stay its own', problems);
  refuseUnless(bind, 'recursive', ['enabled'], 'what is mounted below is there too', problems);
  bind?.read('create_host_path', readBoolean);
  bind?.read('selinux', readWord);
  volume?.read('nocopy', readBoolean);
  const subpath = volume?.read('subpath', readSubpath);
  return subpath === undefined ? {} : { subpath };
}

function refuseUnless(
  fields: Fields | undefined,
  key: string,
  values: readonly string[],
  reason: string,
  problems: Problems,
): void {
  const value = fields?.read(key, readWord);
  if (fields !== undefined && value !== undefined && !values.includes(value))
    problems.unsupported(fields.placeOf(key), reason, 'Take it out.');
}

const readSubpath = scalar(
  'a path below the volume',
  'Write data/web, without ".." and without a "/" in front.',
  (text) =>
    text !== '' && !text.startsWith('/') && !text.split('/').includes('..') ? text.replace(/\/+$/, '') : undefined,
);

function tmpfsOf(fields: Fields, problems: Problems): Pick<MountModel, 'sizeBytes' | 'options'> {
  const node = fields.node('tmpfs');
  const tmpfs = node === undefined ? undefined : openMap(node, tmpfsKeys, problems);
  const mode = tmpfs?.read('mode', readTmpfsMode);
  return {
    sizeBytes: tmpfs?.read('size', readBytes) ?? defaultTmpBytes,
    ...(mode === undefined ? {} : { options: [mode] }),
  };
}

/** The long form gives the mode as YAML reads it: 01777, or 1023 for the same. */
const readTmpfsMode = scalar('the rights of a folder', 'Write 01777.', (text) => {
  if (!/^(?:0o?[0-7]{3,4}|\d{1,4})$/.test(text)) return undefined;
  const mode = text.startsWith('0') ? Number.parseInt(text.replace('o', ''), 8) : Number(text);
  return mode <= 0o7777 ? `mode=${mode.toString(8)}` : undefined;
});

/** One of `tmpfs`: `/run`, `/run:size=16m,mode=700,uid=1000`. */
export const readTmpfs: Reader<MountModel> = (node, problems) => {
  const [target = '', given = ''] = node.kind === 'scalar' ? node.text.split(':') : [];
  const mend = 'Write /path or /path:size=64m.';
  if (!target.startsWith('/')) {
    return problems.badValue(node.at, wordsFor(node), 'it must be an absolute path', mend);
  }
  let sizeBytes: number | undefined = defaultTmpBytes;
  const options: string[] = [];
  for (const option of given.split(',').filter((one) => one !== '')) {
    const [name, value = ''] = option.split('=');
    if (name === 'size') sizeBytes = parseBytes(value);
    else if (/^(?:mode=[0-7]{3,5}|[ug]id=\d{1,10}|noexec)$/.test(option)) options.push(option);
    // A tmpfs is made so in any case.
    else if (!/^(?:rw|nosuid|nodev|exec)$/.test(option)) sizeBytes = undefined;
    if (sizeBytes === undefined) {
      return problems.badValue(node.at, wordsFor(node), `"${option}" is not an option of a tmpfs`, mend);
    }
  }
  const own = options.length === 0 ? {} : { options };
  return { type: 'tmpfs', target: target.replace(/(?<=.)\/+$/, ''), readOnly: false, sizeBytes, ...own };
};
