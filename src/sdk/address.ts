import { readlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { MinkeError } from '../errors/index.ts';

/** Where a daemon listens. `text` is how people write it. */
export type Address =
  | { readonly text: string; readonly socketPath: string }
  | { readonly text: string; readonly host: string; readonly port: number };

export type Environment = Readonly<Record<string, string | undefined>>;

/** MINKE_API (`unix:///path` or `http://host:port`); without it the socket of the local daemon. */
export function addressFromEnv(env: Environment): Address {
  const { MINKE_API: url } = env;
  if (url === undefined || url === '') return socketAt(join(dataFolder(env), 'minke.sock'));
  return addressOf(url);
}

/** The folder with all state of the local daemon: MINKE_DATA, else by who asks. Absolute. */
export function dataFolder(env: Environment): string {
  if (env.MINKE_DATA !== undefined && env.MINKE_DATA !== '') return resolve(env.MINKE_DATA);
  return process.geteuid?.() === 0 ? '/var/lib/minke' : join(env.HOME ?? homedir(), '.local/share/minke');
}

function addressOf(url: string): Address {
  if (url.startsWith('unix:///')) return socketAt(url.slice('unix://'.length));
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'http:' || parsed.pathname !== '/') throw badAddress(url);
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  return { text: `http://${parsed.host}`, host, port: Number(parsed.port === '' ? '80' : parsed.port) };
}

const badAddress = (url: string): MinkeError =>
  new MinkeError('USAGE', {
    reason: `Cannot use MINKE_API="${url}": it is not the address of a daemon`,
    mend: 'Write unix:///folder/minke.sock or http://host:port',
  });

/** A socket's name ends at 107 bytes (unix(7)); where the data folder's is longer, the daemon leaves a link to a short one. */
const longestSocketPath = 107;

function socketAt(path: string): Address {
  return { text: path, socketPath: Buffer.byteLength(path) > longestSocketPath ? linkTarget(path) : path };
}

function linkTarget(path: string): string {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return path; // no daemon has been here: connecting says so
  }
}
