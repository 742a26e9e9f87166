import { resolve } from 'node:path';
import type { MountModel } from '../../model/app.ts';
import { openMap, type Fields, type Reader } from './fields.ts';
import { mountKeys } from './keys.ts';
import { wordsFor, type Node, type Place } from './node.ts';
import type { Problems } from './problems.ts';
import { parseBytes } from './quantities.ts';
import { readAbsolutePath, readBoolean, readBytes, readOneOf, readWord } from './readers.ts';

export interface ReadMount {
  readonly mount: MountModel;
  readonly at: Place;
}

/** Bytes of a tmpfs whose size the file does not give. */
export const defaultTmpBytes = 64 * 1024 * 1024;

/** One of `volumes`, in the short (`SOURCE:TARGET:ro`) or the long syntax. Relative host paths lie below `folder`. */
export const readMount =
  (folder: string, home: string | undefined): Reader<ReadMount> =>
  (node, problems) => {
    const mount =
      node.kind === 'scalar' ? shortMount(node, folder, home, problems) : longMount(node, folder, home, problems);
    return mount === undefined ? undefined : { mount, at: node.at };
  };

function shortMount(node: Node, folder: string, home: string | undefined, problems: Problems): MountModel | undefined {
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
  return { ...sourceOf(source, folder, home), target: place, readOnly: flags.includes('ro') };
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

function longMount(node: Node, folder: string, home: string | undefined, problems: Problems): MountModel | undefined {
  const fields = openMap(node, mountKeys, problems);
  const type = fields?.read('type', readOneOf(['volume', 'bind', 'tmpfs']));
  const target = fields?.read('target', readAbsolutePath);
  if (fields === undefined) return undefined;
  if (fields.node('type') === undefined)
    problems.badValue(fields.at, 'a mount without a type', 'it needs one', 'Write type: volume, bind or tmpfs.');
  if (fields.node('target') === undefined)
    problems.badValue(fields.at, 'a mount without a target', 'it needs one', 'Write target: /path.');
  readOptions(fields, problems);
  if (type === undefined || target === undefined) return undefined;
  const readOnly = fields.read('read_only', readBoolean) ?? false;
  if (type === 'tmpfs') return { type, target, readOnly, sizeBytes: sizeOf(fields, problems) };
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
  if (type === 'volume') return { type, source, target, readOnly };
  return { ...sourceOf(/^[./~]/.test(source) ? source : `./${source}`, folder, home), target, readOnly };
}

function readOptions(fields: Fields, problems: Problems): void {
  const bind = fields.node('bind');
  const volume = fields.node('volume');
  const mend = 'Take it out.';
  const refused = { reason: 'it comes with a later version', mend };
  if (bind !== undefined)
    openMap(
      bind,
      { known: ['create_host_path'], unsupported: { propagation: refused, selinux: refused, recursive: refused } },
      problems,
    );
  if (volume !== undefined)
    openMap(volume, { known: ['nocopy'], unsupported: { subpath: refused, labels: refused } }, problems);
}

function sizeOf(fields: Fields, problems: Problems): number {
  const tmpfs = fields.node('tmpfs');
  const options = tmpfs === undefined ? undefined : openMap(tmpfs, { known: ['size', 'mode'] }, problems);
  return options?.read('size', readBytes) ?? defaultTmpBytes;
}

/** One of `tmpfs`: `/run`, `/run:size=16m`. */
export const readTmpfs: Reader<MountModel> = (node, problems) => {
  const [target = '', options = ''] = node.kind === 'scalar' ? node.text.split(':') : [];
  if (!target.startsWith('/')) {
    problems.badValue(node.at, wordsFor(node), 'it must be an absolute path', 'Write /path or /path:size=64m.');
    return undefined;
  }
  let sizeBytes: number | undefined = defaultTmpBytes;
  for (const option of options.split(',').filter((one) => one !== '')) {
    const [name, value = ''] = option.split('=');
    if (name === 'size') sizeBytes = parseBytes(value);
    // A tmpfs is made so in any case.
    else if (!/^(?:rw|nosuid|nodev|noexec|mode=0?1777)$/.test(option)) sizeBytes = undefined;
    if (sizeBytes === undefined) {
      problems.badValue(
        node.at,
        wordsFor(node),
        `"${option}" is not an option of a tmpfs`,
        'Write /path or /path:size=64m.',
      );
      return undefined;
    }
  }
  return { type: 'tmpfs', target: target.replace(/(?<=.)\/+$/, ''), readOnly: false, sizeBytes };
};
