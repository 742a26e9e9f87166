import type { LogChunk } from '../engines/engine.ts';
import { isOlder } from './target.ts';

/**
 * How Docker sends stdout and stderr over one connection. Without a terminal each piece has a head of 8 bytes: the
 * stream (1 or 2), three zeros, and the length as 4 bytes, big end first. With a terminal the bytes come bare.
 */
export function encodeChunk(chunk: Pick<LogChunk, 'stream' | 'bytes'>, isRaw: boolean): Buffer {
  if (isRaw) return chunk.bytes;
  const frame = Buffer.allocUnsafe(8 + chunk.bytes.length);
  frame.writeUInt32BE(chunk.stream === 'stdout' ? 0x01_00_00_00 : 0x02_00_00_00, 0);
  frame.writeUInt32BE(chunk.bytes.length, 4);
  chunk.bytes.copy(frame, 8);
  return frame;
}

/** Until 1.42 both kinds had the one name. */
export function streamType(isRaw: boolean, version: string): string {
  const kind = isRaw || isOlder(version, '1.42') ? 'raw' : 'multiplexed';
  return `application/vnd.docker.${kind}-stream`;
}
