import { blockBytes, paddingAfter, type TarEntry } from './entry.ts';

/**
 * The bytes before an entry's body: a ustar header, with a pax header in front where a name is longer than ustar holds,
 * is not ASCII, or a file is larger than 8 GiB. Equal entries give equal bytes on every machine.
 */
export function encodeHeader(entry: TarEntry): Buffer {
  const name = entry.type === 'folder' ? `${entry.name}/` : entry.name;
  const records = paxRecords(name, entry);
  const header = encodeUstar({ ...entry, name }, typeFlag[entry.type]);
  return records === '' ? header : Buffer.concat([encodePax(records), header]);
}

/** Two empty blocks close an archive. */
export const endOfArchive = Buffer.alloc(2 * blockBytes);

const typeFlag: Readonly<Record<TarEntry['type'], string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  device: '3',
  folder: '5',
  fifo: '6',
};

/** Largest number that eleven octal digits hold. */
const maxUstarSize = 0o77777777777;

function paxRecords(name: string, entry: TarEntry): string {
  const records: string[] = [];
  if (!fitsUstar(entry.linkName)) records.push(paxRecord('linkpath', entry.linkName));
  if (!fitsUstar(name)) records.push(paxRecord('path', name));
  if (entry.size > maxUstarSize) records.push(paxRecord('size', String(entry.size)));
  return records.join('');
}

function fitsUstar(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the range is "ASCII"
  return text.length <= 100 && /^[\x00-\x7f]*$/.test(text);
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function encodePax(records: string): Buffer {
  const body = Buffer.from(records);
  const entry = {
    name: 'PaxHeaders/entry',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    mtimeSeconds: 0,
    linkName: '',
  };
  return Buffer.concat([encodeUstar(entry, 'x'), body, Buffer.alloc(paddingAfter(body.length))]);
}

function encodeUstar(entry: Omit<TarEntry, 'type'>, flag: string): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.write(entry.name.slice(0, 100), 0, 100, 'latin1');
  writeOctal(block, 100, 8, entry.mode);
  writeOctal(block, 108, 8, entry.uid);
  writeOctal(block, 116, 8, entry.gid);
  writeOctal(block, 124, 12, entry.size > maxUstarSize ? 0 : entry.size);
  writeOctal(block, 136, 12, entry.mtimeSeconds);
  block.write(flag, 156, 1, 'latin1');
  block.write(entry.linkName.slice(0, 100), 157, 100, 'latin1');
  block.write('ustar\u000000', 257, 8, 'latin1');
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return block;
}

function writeOctal(block: Buffer, offset: number, length: number, value: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), offset, length - 1, 'latin1');
}

/** Sum of the header's bytes with the checksum field itself counted as spaces. */
export function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < blockBytes; at += 1) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  return sum;
}
