import { createHmac, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { contentKey, type Contents } from '../../apps/file/read-contents.ts';
import { MinkeError } from '../../errors/index.ts';
import { writeWhole } from '../../linux/write-whole.ts';
import type { AppModel, GrantModel, SourceModel } from '../../model/app.ts';

/**
 * What secrets and configs are. Models say how to find it, and are stored, printed and compared; so a value is never in one.
 *
 * A file is read where it lies, at each start. A variable of the caller and a text of the app file are not there any more when the
 * daemon restarts and has to start a service anew: they are kept here, in files of the data folder that only root may read, as
 * long as the app is there.
 */
export interface AppContents {
  /** The same model with a fingerprint at each source: a service whose secret has changed is another one. */
  mark(model: AppModel, contents: Contents): AppModel;
  /** Keeps what cannot be found again, in the place of what was kept; undefined changes nothing. */
  put(app: string, contents: Contents | undefined): void;
  remove(app: string): void;
  /** @throws INSTANCE_START_FAILED where it cannot be read */
  read(app: AppModel, grant: GrantModel): Buffer;
}

export function createAppContents(folder: string): AppContents {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const folderOf = (app: string): string => join(folder, encodeURIComponent(app));
  const fileOf = (app: string, key: string): string => join(folderOf(app), encodeURIComponent(key));
  // Without the key nobody tells a short secret by trying: the fingerprint stands in stored models and on labels.
  const fingerprint = (content: string | Buffer): string =>
    createHmac('sha256', keyIn(folder)).update(content).digest('hex').slice(0, 32);

  const markAll = (
    kind: GrantModel['kind'],
    sources: Readonly<Record<string, SourceModel>>,
    contents: Contents,
  ): Readonly<Record<string, SourceModel>> =>
    Object.fromEntries(
      Object.entries(sources).map(([name, source]) => {
        const content = source.from === 'file' ? readFileSync(source.path) : contents.get(contentKey(kind, name));
        return [name, content === undefined ? source : { ...source, fingerprint: fingerprint(content) }];
      }),
    );

  return {
    mark: (model, contents) => ({
      ...model,
      secrets: markAll('secret', model.secrets, contents),
      configs: markAll('config', model.configs, contents),
    }),
    put: (app, contents) => {
      if (contents === undefined) return;
      rmSync(folderOf(app), { recursive: true, force: true });
      if (contents.size === 0) return;
      mkdirSync(folderOf(app), { mode: 0o700 });
      for (const [key, content] of contents) writeWhole(fileOf(app, key), content, secretly);
    },
    remove: (app) => rmSync(folderOf(app), { recursive: true, force: true }),
    read: (app, grant) => {
      const source = app[`${grant.kind}s`][grant.source];
      try {
        return readFileSync(
          source?.from === 'file' ? source.path : fileOf(app.name, contentKey(grant.kind, grant.source)),
        );
      } catch (cause) {
        const reason = `its ${grant.kind} "${grant.source}" cannot be read`;
        throw new MinkeError('INSTANCE_START_FAILED', { name: app.name, reason }, { cause });
      }
    },
  };
}

/** For root alone, and there whenever the machine stops. */
const secretly = { mode: 0o600, flush: true } as const;

function keyIn(folder: string): Buffer {
  const file = join(folder, '.key');
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = randomBytes(32);
  writeWhole(file, key, secretly);
  return key;
}
