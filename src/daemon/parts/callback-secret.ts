import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';

export const callbackSecretFile = (dataFolder: string): string => join(dataFolder, 'callback.secret');

/**
 * What call-backs are signed with, made once: 32 random bytes, as Standard Webhooks writes them (`whsec_` and base64). Only the owner
 * of the data folder may read it; whoever receives call-backs is given it by hand.
 *
 * @throws DATA_FOLDER for a file that holds something else
 */
export function openCallbackSecret(dataFolder: string): Uint8Array {
  const file = callbackSecretFile(dataFolder);
  const [, secret] = /^whsec_([A-Za-z0-9+/]{32,}={0,2})\s*$/.exec(readText(file) ?? make(file)) ?? [];
  if (secret !== undefined) return Buffer.from(secret, 'base64');
  const reason = `${file} is not a secret for call-backs, which is "whsec_" and at least 24 bytes in base64`;
  throw new MinkeError('DATA_FOLDER', { folder: dataFolder, reason });
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all, whatever is killed meanwhile. */
function make(file: string): string {
  const text = `whsec_${randomBytes(32).toString('base64')}\n`;
  const fd = openSync(`${file}.new`, 'w', 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${file}.new`, file);
  return text;
}
