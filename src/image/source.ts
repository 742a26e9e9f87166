import type { Digest } from './layout/digest.ts';

/** Where images come from that the layout does not hold: a registry, for example. */
export interface ImageSource {
  /** For the log and for errors. */
  readonly name: string;
  /**
   * Brings the image onto the shelf and answers its id, or undefined when this source has none. `reference` is as the user
   * wrote it; the store gives the image that name. A source retries by itself; what it throws reaches the caller.
   */
  fetch(reference: string, shelf: Shelf, options: FetchOptions): Promise<Digest | undefined>;
}

export interface FetchOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
  /** Instead of the logins that this machine keeps. */
  readonly credentials?: { readonly username: string; readonly password: string } | undefined;
}

/** Of all layers that have to come; what is here already does not count. */
export interface FetchProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** What a source may do with the layout. */
export interface Shelf {
  /** A path that nothing has yet, for something on its way; the source removes it. */
  newPath(): Promise<string>;
  /** Which of these layers, by digests of their uncompressed content, are not here. */
  missingLayers(diffIds: readonly Digest[]): Promise<readonly Digest[]>;
  /** Takes the layer in a file, uncompressed or gzip or zstd. IMAGE_DIGEST_MISMATCH unless it is what the source says. */
  addLayer(layer: FetchedLayer): Promise<void>;
  /** Makes an image of layers that are all here; answers its id. */
  addImage(image: FetchedImage): Promise<Digest>;
}

export interface FetchedLayer {
  /** As errors call it. */
  readonly image: string;
  readonly path: string;
  /** Of the file. */
  readonly digest: Digest;
  /** Of its uncompressed content. */
  readonly diffId: Digest;
}

export interface FetchedImage {
  readonly configBytes: Uint8Array;
  /** Digests of the uncompressed layers, the lowest first. */
  readonly diffIds: readonly Digest[];
  /** Digests that the source knows it by. */
  readonly sourceDigests: readonly Digest[];
}
