import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import type { VolumeModel } from '../../model/app.ts';

/** Named volumes: folders of the data folder. */
export interface Volumes {
  path(name: string): string;
  list(): readonly string[];
  /** @throws CONFLICT for an external one that is not there, BAD_REQUEST for a name that is none */
  ensure(volume: VolumeModel): void;
  remove(volume: VolumeModel): void;
}

export function createVolumes(folder: string): Volumes {
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const path = (name: string): string => join(folder, name);
  return {
    path,
    list: () => readdirSync(folder),
    ensure: ({ name, external }) => {
      if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
        throw new MinkeError('BAD_REQUEST', {
          reason: `"${name}" is not a name for a volume: letters, digits, "_", "." and "-"`,
        });
      }
      if (existsSync(path(name))) return;
      if (external) throw new MinkeError('CONFLICT', { reason: `The external volume "${name}" does not exist` });
      mkdirSync(path(name), { mode: 0o755 });
    },
    remove: ({ name }) => rmSync(path(name), { recursive: true, force: true }),
  };
}
