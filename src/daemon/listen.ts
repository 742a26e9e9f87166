import { once } from 'node:events';
import { rmSync, symlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { MinkeError } from '../errors/index.ts';

/** Bytes that a Unix socket's path may have (unix(7): 108 with the closing zero). */
const pathLimit = 107;

/**
 * Listens on `minke.sock` in the data folder; where that path is too long, in the run folder, with a link at the place where
 * people look. What an earlier daemon left there is replaced: the folder's lock says that it is gone.
 */
export async function listenOnSocket(server: Server, dataFolder: string, runFolder: string): Promise<string> {
  const wanted = join(dataFolder, 'minke.sock');
  const isTooLong = Buffer.byteLength(wanted) > pathLimit;
  const path = isTooLong ? join(runFolder, 'minke.sock') : wanted;
  for (const old of [wanted, path]) rmSync(old, { force: true });
  const umask = process.umask(0o117); // the owner and its group, nobody else
  try {
    server.listen(path);
    await once(server, 'listening');
  } finally {
    process.umask(umask);
  }
  if (isTooLong) symlinkSync(path, wanted);
  return wanted;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

const defaultGateway: Address = { host: '127.0.0.1', port: 8080 };
const triedPorts = 100;

/** Where nothing was asked for and the port is taken, the next free one. */
export async function listenNearby(
  listen: (host: string, port: number) => Promise<Address>,
  asked: Address | undefined,
): Promise<Address> {
  if (asked !== undefined) return await listen(asked.host, asked.port).catch((error: unknown) => refuse(asked, error));
  const { host, port } = defaultGateway;
  for (let offset = 0; ; offset++) {
    try {
      return await listen(host, port + offset);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || offset === triedPorts) throw error;
    }
  }
}

function refuse({ host, port }: Address, cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new MinkeError('GATEWAY_ADDRESS', { address: `${host}:${port}`, reason }, { cause });
}
