/** What one entry of a tar archive says. Names have no leading slash; folders' names end without one. */
export interface TarEntry {
  readonly name: string;
  readonly type: TarType;
  /** Permission bits with setuid, setgid and sticky: 0-0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; 0 for all but files. */
  readonly size: number;
  readonly mtimeSeconds: number;
  /** Target of a symlink (any text) or hard link (a name in the archive); else empty. */
  readonly linkName: string;
}

export type TarType = 'file' | 'folder' | 'symlink' | 'hardlink' | 'device' | 'fifo';

/** Headers and bodies are padded to this many bytes (POSIX.1-2001, pax interchange format). */
export const blockBytes = 512;

export const paddingAfter = (size: number): number => (blockBytes - (size % blockBytes)) % blockBytes;
