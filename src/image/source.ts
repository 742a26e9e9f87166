import type { Readable } from 'node:stream';

/** Where images come from that the layout does not hold: a registry, for example. */
export interface ImageSource {
  /** For the log and for errors. */
  readonly name: string;
  /**
   * The image as a `docker save` or OCI archive, or undefined when this source has none. `reference` is as the user wrote it;
   * the image gets that name whatever the archive calls it. A source retries by itself; what it throws reaches the caller.
   */
  open(reference: string, signal?: AbortSignal): Promise<Readable | undefined>;
}
