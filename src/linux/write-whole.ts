import { renameSync, writeFileSync } from 'node:fs';

/** As a whole or not at all: whoever reads the file, also after a crash, finds what was there before or this. With `flush` also after the machine stopped. */
export function writeWhole(
  file: string,
  content: string | Buffer,
  options: { readonly mode?: number; readonly flush?: boolean } = {},
): void {
  writeFileSync(`${file}.new`, content, options);
  renameSync(`${file}.new`, file);
}
