import type { MinkeError } from '../../errors/index.ts';
import type { AppModel } from '../../model/app.ts';
import type { HostFiles } from '../file/host-files.ts';
import { loadApp, type LoadedApp, type LoadOptions } from '../load-app.ts';

/** Reading app files in tests. */

const load = (options: Partial<LoadOptions>): LoadedApp => loadApp({ files: [], environment: {}, ...options });

export function modelOf(options: Partial<LoadOptions>): AppModel {
  const loaded = load(options);
  if ('model' in loaded) return loaded.model;
  throw new Error(loaded.problems.map(({ message }) => message).join('\n'));
}

export function problemsOf(options: Partial<LoadOptions>): readonly MinkeError[] {
  const loaded = load(options);
  return 'model' in loaded ? [] : loaded.problems;
}

export function warningsOf(options: Partial<LoadOptions>): readonly MinkeError[] {
  const loaded = load(options);
  return 'model' in loaded ? loaded.warnings : [];
}

/** One app file, `/a/compose.yaml`, and whatever else there is to be. */
export const memory = (text: string, others: Readonly<Record<string, string>> = {}): Partial<LoadOptions> => ({
  files: ['/a/compose.yaml'],
  host: inMemory({ '/a/compose.yaml': text, ...others }),
});

/** A path that ends with "/" is a folder. */
export const inMemory = (files: Readonly<Record<string, string>>): HostFiles => ({
  read: (path) => files[path],
  kindOf: (path) => (Object.hasOwn(files, path) ? 'file' : Object.hasOwn(files, `${path}/`) ? 'folder' : 'none'),
});
