/** What the thread in a container's root is asked for, and answers. */
export interface ArchiveTask {
  /** The root of the container's first process, by a name for it on the host. */
  readonly root: string;
  readonly action: ArchiveAction;
}

export type ArchiveAction =
  | { readonly kind: 'look'; readonly path: string }
  /** A tar archive of `path` is written to the descriptor; `isRootOnly`: of what is mounted below it the folder alone. */
  | { readonly kind: 'read'; readonly path: string; readonly output: number; readonly isRootOnly: boolean }
  /** The tar archive in the file is unpacked into the folder `path`. */
  | { readonly kind: 'write'; readonly path: string; readonly archive: string; readonly keepsKinds: boolean };

/** What stat(2) says of a path, whose last link is not followed. */
export interface FileLook {
  readonly name: string;
  readonly sizeBytes: number;
  readonly mode: number;
  /** Unix milliseconds. */
  readonly changedAt: number;
  /** Of a link; else empty. */
  readonly linkTarget: string;
}

export type ArchiveAnswer =
  | { readonly look: FileLook }
  | { readonly done: true }
  /** `code` as of a system call: ENOENT. */
  | { readonly failed: { readonly code: string; readonly message: string } };
