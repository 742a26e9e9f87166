/**
 * What an image may ask of this machine. Honest images stay far below; without limits a file of a megabyte could fill a disk,
 * or the memory of the process that lists what is in it.
 */
export interface ImageLimits {
  /** Of one layer, uncompressed. */
  readonly layerBytes: number;
  /** A layer that grows beyond `freeBytes` may be at most so many times as large as what was read of it. */
  readonly expansion: number;
  readonly freeBytes: number;
  /** Files, folders and links of one image. */
  readonly entries: number;
  /** All names and link targets of one layer together: they are held in memory. */
  readonly nameBytes: number;
}

export const defaultLimits: ImageLimits = {
  layerBytes: 32 * 1024 ** 3,
  expansion: 200,
  freeBytes: 512 * 1024 ** 2,
  entries: 600_000,
  nameBytes: 64 * 1024 ** 2,
};
