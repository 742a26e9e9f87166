import { MinkeError } from '../../errors/index.ts';
import { defaultLimits, type ImageLimits } from './limits.ts';
import type { ByteSource } from './byte-source.ts';
import { checksum } from './encode-header.ts';
import { blockBytes, paddingAfter, type TarEntry, type TarType } from './entry.ts';

/** An entry and where its body lies in the archive. */
export interface TarMember extends TarEntry {
  readonly bodyOffset: number;
}

/**
 * The entries of an archive in order: ustar, pax and GNU long names. What it does not know (sparse files, multi-volume
 * parts) is refused: IMAGE_INVALID with `label`, never read as something else. Archives lie on disk here, so this reads by
 * position and never holds a body in memory. An archive of more entries, or of longer names, than the limits allow is refused
 * where it passes them.
 */
export function* readArchive(
  source: ByteSource,
  label: string,
  limits: Pick<ImageLimits, 'entries' | 'nameBytes'> = defaultLimits,
): Generator<TarMember> {
  let [entries, nameBytes, offset] = [0, 0, 0];
  let extended: Extended = {};
  while (offset + blockBytes <= source.size) {
    const block = source.read(offset, blockBytes);
    if (block.every((byte) => byte === 0)) return;
    const header = decodeHeader(block, label);
    offset += blockBytes;
    if (isMeta(header.flag)) {
      Object.assign(extended, readMeta(source, offset, header, label));
      offset += header.entry.size + paddingAfter(header.entry.size);
      continue;
    }
    const member = toMember(header, extended, offset, label);
    if (offset + member.size > source.size) throw invalid(label, `its archive ends in the middle of "${member.name}"`);
    entries += 1;
    nameBytes += member.name.length + member.linkName.length;
    if (entries > limits.entries) throw invalid(label, `its archive has more than ${limits.entries} entries`);
    if (nameBytes > limits.nameBytes)
      throw invalid(label, `the names in its archive are longer than ${limits.nameBytes} bytes together`);
    yield member;
    offset += member.size + paddingAfter(member.size);
    extended = {};
  }
  if (offset < source.size) throw invalid(label, 'its archive ends in the middle of a header');
}

/** What pax and GNU headers say about the entry that follows them. */
interface Extended {
  readonly path?: string;
  readonly linkpath?: string;
  readonly size?: string;
}

interface Header {
  readonly flag: string;
  readonly entry: Omit<TarEntry, 'type'>;
}

/** Names and attributes of a sane archive are far below this; a hostile one would have us hold gigabytes. */
const maxMetaBytes = 1 << 20;

const typeOfFlag: Readonly<Record<string, TarType>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'folder',
  '6': 'fifo',
};

const isMeta = (flag: string): boolean => 'xgLK'.includes(flag);

function decodeHeader(block: Buffer, label: string): Header {
  if (readNumber(block, 148, 8, label) !== checksum(block))
    throw invalid(label, 'a header of its archive has a wrong checksum');
  const hasPrefix = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = hasPrefix ? readText(block, 345, 155) : '';
  const name = readText(block, 0, 100);
  const entry = {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: readNumber(block, 100, 8, label) & 0o7777,
    uid: readNumber(block, 108, 8, label),
    gid: readNumber(block, 116, 8, label),
    size: readNumber(block, 124, 12, label),
    mtimeSeconds: readNumber(block, 136, 12, label),
    linkName: readText(block, 157, 100),
  };
  return { flag: block.toString('latin1', 156, 157), entry };
}

function toMember(header: Header, extended: Extended, bodyOffset: number, label: string): TarMember {
  const name = extended.path ?? header.entry.name;
  const known = typeOfFlag[header.flag];
  if (known === undefined) throw invalid(label, `"${name}" in its archive is of the unknown type "${header.flag}"`);
  // Archives older than ustar mark a folder by the slash alone.
  const type = known === 'file' && name.endsWith('/') ? 'folder' : known;
  const size = type === 'file' ? decimal(extended.size, header.entry.size, label) : 0;
  const linkName = type === 'symlink' || type === 'hardlink' ? (extended.linkpath ?? header.entry.linkName) : '';
  return { ...header.entry, name: name.replace(/\/+$/, ''), type, size, linkName, bodyOffset };
}

function readMeta(source: ByteSource, offset: number, header: Header, label: string): Extended {
  const { size } = header.entry;
  if (size > maxMetaBytes) throw invalid(label, 'a header of its archive is too large');
  if (offset + size > source.size) throw invalid(label, 'its archive ends in the middle of a header');
  const body = source.read(offset, size);
  if (header.flag === 'L') return { path: readText(body, 0, size) };
  if (header.flag === 'K') return { linkpath: readText(body, 0, size) };
  // Global headers hold comments (git writes them); nothing in one names an entry.
  return header.flag === 'g' ? {} : parsePax(body, label);
}

function parsePax(body: Buffer, label: string): Extended {
  const records: Record<string, string> = {};
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const length = Number(body.toString('latin1', at, space));
    if (space < 0 || !(length > space - at + 1) || at + length > body.length)
      throw invalid(label, 'a pax header of its archive is broken');
    const record = body.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    records[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
  if (Object.keys(records).some((key) => key.startsWith('GNU.sparse')))
    throw invalid(label, 'its archive has sparse files');
  return pick(records, ['path', 'linkpath', 'size']);
}

function pick(records: Record<string, string>, keys: readonly (keyof Extended)[]): Extended {
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(records, key)).map((key) => [key, records[key]]));
}

function decimal(text: string | undefined, otherwise: number, label: string): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,15}$/.test(text)) throw invalid(label, `its archive names the size "${text}"`);
  return Number(text);
}

function readText(block: Buffer, offset: number, length: number): string {
  const end = block.indexOf(0, offset);
  return block.toString('utf8', offset, end < 0 ? offset + length : Math.min(end, offset + length));
}

/** Octal digits, or with the first bit set a big-endian number (GNU). */
function readNumber(block: Buffer, offset: number, length: number, label: string): number {
  const first = block[offset] ?? 0;
  if (first === 0x80) return Number(block.readBigUInt64BE(offset + length - 8));
  const text = block
    .toString('latin1', offset, offset + length)
    .replace(/[\0 ]+$/, '')
    .trim();
  if (!/^[0-7]*$/.test(text)) throw invalid(label, 'a header of its archive holds no number where one belongs');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

const invalid = (image: string, reason: string): MinkeError => new MinkeError('IMAGE_INVALID', { image, reason });
