import { MinkeError } from '../../errors/index.ts';
import type { Fail } from '../runtime/include.ts';

/** A folder without a Dockerfile, and what is to become of it. */
export interface PackRequest {
  /** What the image is called afterwards. */
  readonly reference: string;
  /** Absolute. */
  readonly folder: string;
  /** The app file's `command`; absent or empty = `scripts.start` of package.json, else its `main`. */
  readonly command?: readonly string[];
  /** The app file's `entrypoint`; with one, `command` is taken as it is and may be empty. */
  readonly entrypoint?: readonly string[];
  /** What was chosen as command becomes the entrypoint, so that a run's arguments come after it instead of in its place. */
  readonly asEntrypoint?: boolean;
  /**
   * `auto`: python or perl where that is the command; node where the folder has a package.json or JavaScript, or the command
   * is node; else none.
   */
  readonly runtime: 'auto' | 'node' | 'perl' | 'python' | 'none';
  /** Host programs, files and folders (absolute paths). */
  readonly include: readonly string[];
  /** What else lies in the image, from minke itself. */
  readonly extra?: readonly ExtraFiles[];
  readonly env?: Readonly<Record<string, string>>;
  readonly exposedPorts?: readonly number[];
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * A folder (its TypeScript stripped, its tests left out), or one file with this text. A relative target lies under /app:
 * `node_modules/minke/sdk`.
 */
export type ExtraFiles =
  | { readonly targetPath: string; readonly sourceFolder: string }
  | { readonly targetPath: string; readonly text: string };

/** Throws PACK_FAILED about this folder. */
export function failFor(folder: string): Fail {
  return (reason, mend) => {
    throw new MinkeError('PACK_FAILED', { folder, reason, mend });
  };
}
