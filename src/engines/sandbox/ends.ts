import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Id } from '../../model/ids.ts';
import { fullName } from './logs/frame.ts';

/** Tells when the log writer has recorded an instance's last byte: it leaves a file per instance in one folder. */
export interface Ends {
  /**
   * Resolves when the file is there; at once when it is already. `onFull` is called when the instance has written more than
   * a result may have, which another file tells, and it should be ended.
   */
  of(id: Id, onFull: () => void): Promise<void>;
  close(): void;
}

export function watchEnds(folder: string): Ends {
  const waiting = new Map<string, () => void>();
  const watcher = watch(folder, (_, name) => settle(name));
  watcher.on('error', () => undefined);

  const settle = (name: string | null): void => {
    for (const id of name === null ? waiting.keys() : [name]) {
      if (!existsSync(join(folder, id))) continue;
      waiting.get(id)?.();
      waiting.delete(id);
    }
  };

  return {
    of: async (id, onFull) => {
      await new Promise<void>((resolve) => {
        waiting.set(id, resolve);
        waiting.set(fullName(id), onFull);
        settle(fullName(id));
        settle(id);
      });
      waiting.delete(fullName(id));
    },
    close: () => watcher.close(),
  };
}
