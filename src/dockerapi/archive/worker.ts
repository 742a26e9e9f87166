import { parentPort } from 'node:worker_threads';
import { openByteSource } from '../../image/tar/byte-source.ts';
import { inRoot } from '../../linux/root.ts';
import { lookAt } from './look.ts';
import { readTree } from './read-tree.ts';
import type { ArchiveAction, ArchiveAnswer, ArchiveTask } from './task.ts';
import { writeTree } from './write-tree.ts';

// A thread that goes into containers' roots, one after the other: whatever a container's programs do to its files meanwhile, a path
// leads nowhere but where it leads them.
parentPort?.on('message', (task: ArchiveTask) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
  parentPort?.postMessage(attempt(task));
});

function attempt(task: ArchiveTask): ArchiveAnswer {
  try {
    return perform(task);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return { failed: { code, message: error instanceof Error ? error.message : String(error) } };
  }
}

function perform({ root, action }: ArchiveTask): ArchiveAnswer {
  // It is the host's, and is opened from there.
  using archive = action.kind === 'write' ? openByteSource(action.archive) : undefined;
  return inRoot(root, () => answer(action, archive));
}

function answer(action: ArchiveAction, archive: ReturnType<typeof openByteSource> | undefined): ArchiveAnswer {
  if (action.kind === 'look') return { look: lookAt(action.path) };
  if (action.kind === 'read') readTree(action);
  else if (archive !== undefined) writeTree(action, archive);
  return { done: true };
}
