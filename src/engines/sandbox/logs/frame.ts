/**
 * How output is kept: a row of frames in numbered segments (`00000001.log` ...). A frame is 13 bytes of head and the bytes
 * as they were read: kind (0 = the end, 1 = stdout, 2 = stderr), Unix milliseconds (float64), length (uint32), little
 * endian. Only whole frames count: what a killed writer left half-written is cut off by the next one.
 */
export const headBytes = 13;

export const kinds = { end: 0, stdout: 1, stderr: 2 } as const;
export type FrameKind = keyof typeof kinds;

export interface Frame {
  readonly kind: FrameKind;
  readonly at: number;
  readonly bytes: Buffer;
}

const names: readonly FrameKind[] = ['end', 'stdout', 'stderr'];

export function encodeHead(kind: FrameKind, at: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head.writeUInt8(kinds[kind], 0);
  head.writeDoubleLE(at, 1);
  head.writeUInt32LE(length, 9);
  return head;
}

/** The whole frames in `buffer`, and how many bytes they took. */
export function decodeFrames(buffer: Buffer): { readonly frames: readonly Frame[]; readonly taken: number } {
  const frames: Frame[] = [];
  let taken = 0;
  while (buffer.length - taken >= headBytes) {
    const length = buffer.readUInt32LE(taken + 9);
    const end = taken + headBytes + length;
    if (end > buffer.length) break;
    frames.push({
      kind: names[buffer.readUInt8(taken)] ?? 'end',
      at: buffer.readDoubleLE(taken + 1),
      bytes: buffer.subarray(taken + headBytes, end),
    });
    taken = end;
  }
  return { frames, taken };
}

/** The file beside an instance's end that tells of a result that is too large. */
export const fullName = (id: string): string => `${id}.full`;

export const segmentName = (number: number): string => `${String(number).padStart(8, '0')}.log`;

/** Numbers of the segments among a folder's entries, oldest first. */
export function segmentNumbers(entries: readonly string[]): number[] {
  return entries
    .filter((entry) => /^\d{8}\.log$/.test(entry))
    .map((entry) => Number(entry.slice(0, 8)))
    .toSorted((a, b) => a - b);
}
