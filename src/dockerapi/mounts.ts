import { posix } from 'node:path';
import { MinkeError } from '../errors/index.ts';
import { newId } from '../model/ids.ts';
import type { RunMount } from '../model/run.ts';
import { flagOf, numberOf, objectOf, textOf } from './json-values.ts';
import type { Json } from './json.ts';

/** `/host:/inside[:ro]` or `volume:/inside[:ro]`. */
export function readBind(bind: string): RunMount {
  const [source = '', target = '', mode = 'rw', ...rest] = bind.split(':');
  if (source === '' || !posix.isAbsolute(target) || rest.length > 0)
    throw badBind(bind, 'it is not SOURCE:TARGET[:ro]');
  const words = mode.split(',');
  const strange = words.find((word) => !knownModes.includes(word));
  if (strange !== undefined)
    throw new MinkeError('NOT_SUPPORTED', {
      what: 'HostConfig.Binds',
      reason: `"${strange}" in "${bind}" is not ro or rw`,
    });
  return { type: posix.isAbsolute(source) ? 'bind' : 'volume', source, target, readOnly: words.includes('ro') };
}

/** `z` and `Z` relabel for SELinux, which changes nothing where there is none; `rprivate` is how every mount is made. */
const knownModes = ['ro', 'rw', 'z', 'Z', 'rprivate'];

export function readMount(value: Json, path: string): RunMount {
  const mount = objectOf(value, path);
  const type = textOf(mount['Type'], `${path}.Type`);
  const source = textOf(mount['Source'], `${path}.Source`);
  const target = textOf(mount['Target'], `${path}.Target`);
  const readOnly = flagOf(mount['ReadOnly'], `${path}.ReadOnly`);
  if (!posix.isAbsolute(target))
    throw new MinkeError('BAD_REQUEST', { reason: `"${path}.Target" is not an absolute path` });
  if (type === 'tmpfs') return { type, target, readOnly, ...sizeOf(mount['TmpfsOptions'] ?? null, path) };
  if (type === 'bind' && posix.isAbsolute(source)) return { type, source, target, readOnly };
  if (type === 'volume')
    return source === '' ? { ...namelessVolume(target, path), readOnly } : { type, source, target, readOnly };
  const reason = `${type === '' ? 'nothing' : `"${type}"`} from "${source}" is not a bind of an absolute path, a named volume or a tmpfs`;
  throw new MinkeError('NOT_SUPPORTED', { what: path, reason });
}

/** @throws BAD_REQUEST */
export function namelessVolume(target: string, path: string): RunMount {
  if (!posix.isAbsolute(target))
    throw new MinkeError('BAD_REQUEST', { reason: `"${target}" of "${path}" is not an absolute path` });
  return { type: 'volume', source: newId(), target, readOnly: false, isNameless: true };
}

function sizeOf(options: Json, path: string): { sizeBytes?: number } {
  const sizeBytes = numberOf(objectOf(options, `${path}.TmpfsOptions`)['SizeBytes'], `${path}.TmpfsOptions.SizeBytes`);
  return sizeBytes > 0 ? { sizeBytes } : {};
}

/** Options as `mount` takes them, `size=64m,ro`. Programs gain no rights by it and devices cannot be opened in any case. */
export function readTmpfs(target: string, options: string): RunMount {
  const words = options.split(',').filter((word) => !['', 'rw', 'nosuid', 'nodev'].includes(word));
  const size = words.map((word) => /^size=(\d{1,15})([kmg]?)$/i.exec(word)).find((found) => found !== null);
  const strange = words.find((word) => word !== 'ro' && word !== size?.[0]);
  if (strange !== undefined) {
    const reason = `"${strange}" of "${target}" is neither a size nor ro or rw`;
    throw new MinkeError('NOT_SUPPORTED', { what: 'HostConfig.Tmpfs', reason });
  }
  const sizeBytes = Number(size?.[1] ?? 0) * 1024 ** ['', 'k', 'm', 'g'].indexOf((size?.[2] ?? '').toLowerCase());
  return { type: 'tmpfs', target, readOnly: words.includes('ro'), ...(sizeBytes > 0 && { sizeBytes }) };
}

function badBind(bind: string, reason: string): MinkeError {
  return new MinkeError('BAD_REQUEST', { reason: `"HostConfig.Binds" has "${bind}": ${reason}` });
}
