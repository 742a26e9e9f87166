import { closeSync, openSync, readSync } from 'node:fs';

/** What the dynamic loader needs to know of a program or library (System V ABI, chapters 4 and 5). */
export interface Elf {
  /** e_machine: libraries of another machine are passed over. */
  readonly machine: number;
  /** The loader's path (PT_INTERP); absent in libraries and static programs. */
  readonly interpreter?: string;
  /** Names of the libraries it loads (DT_NEEDED). */
  readonly needed: readonly string[];
  /** DT_RUNPATH, else DT_RPATH, with `$ORIGIN` as written. */
  readonly searchFolders: readonly string[];
}

/** Undefined when the file is not ELF, or not 64-bit little-endian (all that Node and Debian's servers use). */
export function readElf(path: string): Elf | undefined {
  const file = openSync(path, 'r');
  try {
    const header = readAt(file, 0, 64);
    return isElf64(header) ? readDynamic(file, header) : undefined;
  } finally {
    closeSync(file);
  }
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

const segmentType = { load: 1, dynamic: 2, interpreter: 3 } as const;
const tag = { needed: 1, strings: 5, stringsSize: 10, rpath: 15, runpath: 29 } as const;
const dynamicEntryBytes = 16;

function isElf64(header: Buffer): boolean {
  return header.length === 64 && header.readUInt32BE(0) === 0x7f454c46 && header[4] === 2 && header[5] === 1;
}

function readDynamic(file: number, header: Buffer): Elf {
  const segments = readSegments(file, header);
  const interpreter = segments.find(({ type }) => type === segmentType.interpreter);
  const dynamic = segments.find(({ type }) => type === segmentType.dynamic);
  const entries = dynamic === undefined ? [] : readEntries(readAt(file, dynamic.offset, dynamic.size));
  const strings = readStrings(file, segments, entries);
  const texts = (wanted: number): string[] =>
    entries.filter(([name]) => name === wanted).map(([, value]) => textAt(strings, value));
  const runpath = texts(tag.runpath);
  return {
    machine: header.readUInt16LE(18),
    ...(interpreter === undefined
      ? {}
      : { interpreter: textAt(readAt(file, interpreter.offset, interpreter.size), 0) }),
    needed: texts(tag.needed),
    searchFolders: (runpath.length > 0 ? runpath : texts(tag.rpath))
      .flatMap((list) => list.split(':'))
      .filter((folder) => folder !== ''),
  };
}

function readSegments(file: number, header: Buffer): readonly Segment[] {
  const [start, size, count] = [Number(header.readBigUInt64LE(32)), header.readUInt16LE(54), header.readUInt16LE(56)];
  const table = readAt(file, start, size * count);
  return Array.from({ length: Math.floor(table.length / size) }, (_, index) => {
    const at = index * size;
    return {
      type: table.readUInt32LE(at),
      offset: Number(table.readBigUInt64LE(at + 8)),
      address: Number(table.readBigUInt64LE(at + 16)),
      size: Number(table.readBigUInt64LE(at + 32)),
    };
  });
}

function readEntries(table: Buffer): readonly (readonly [number, number])[] {
  return Array.from({ length: Math.floor(table.length / dynamicEntryBytes) }, (_, index) => {
    const at = index * dynamicEntryBytes;
    return [Number(table.readBigUInt64LE(at)), Number(table.readBigUInt64LE(at + 8))] as const;
  });
}

/** DT_STRTAB is an address in memory; the PT_LOAD segment that holds it says where that is in the file. */
function readStrings(
  file: number,
  segments: readonly Segment[],
  entries: readonly (readonly [number, number])[],
): Buffer {
  const value = (wanted: number): number => entries.find(([name]) => name === wanted)?.[1] ?? 0;
  const address = value(tag.strings);
  const home = segments.find(
    ({ type, address: start, size }) => type === segmentType.load && address >= start && address < start + size,
  );
  return home === undefined
    ? Buffer.alloc(0)
    : readAt(file, home.offset + address - home.address, value(tag.stringsSize));
}

function textAt(strings: Buffer, offset: number): string {
  const end = strings.indexOf(0, offset);
  return strings.toString('utf8', offset, end < 0 ? strings.length : end);
}

function readAt(file: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(file, buffer, 0, length, offset));
}
