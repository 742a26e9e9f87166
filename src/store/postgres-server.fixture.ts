import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';

/** A real PostgreSQL of the tests' own, reached by a socket in its folder. */
export interface PostgresServer {
  /** Makes a database; answers its address. */
  database(): Promise<string>;
  /** What its operator would do. */
  command(sql: string): Promise<void>;
  /** Ends it as the signal does (SIGINT: at once and cleanly). */
  stop(signal: 'SIGINT' | 'SIGKILL'): Promise<void>;
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const versions = '/usr/lib/postgresql';

/** Where Debian keeps the programs of the newest version that is here. */
export function postgresPrograms(): string | undefined {
  if (!existsSync(versions)) return undefined;
  const found = readdirSync(versions)
    .filter((name) => existsSync(join(versions, name, 'bin/initdb')))
    .toSorted((one, other) => Number(one) - Number(other));
  const newest = found.at(-1);
  return newest === undefined ? undefined : join(versions, newest, 'bin');
}

/** PostgreSQL does not run as root. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

export async function startPostgres(): Promise<PostgresServer> {
  const bin = postgresPrograms() ?? '';
  const folder = mkdtempSync(join(tmpdir(), 'minke-pg-'));
  if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid);
  const data = join(folder, 'data');
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, '-U', 'minke', '-A', 'trust', '--no-sync'], {
    ...nobody,
    cwd: folder,
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const addressOf = (name: string): string => `postgres:///${name}?host=${folder}&user=minke`;

  let child: ChildProcess | undefined;
  const command = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: addressOf('postgres') });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  const start = async (): Promise<void> => {
    // Processes of one that was killed see it in their own time, and until then another may not start.
    while (!(await hasStarted())) await delay(100);
  };
  const hasStarted = async (): Promise<boolean> => {
    const own = spawn(join(bin, 'postgres'), ['-D', data, '-k', folder, '-c', 'listen_addresses='], {
      ...nobody,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = own;
    for await (const line of createInterface({ input: own.stderr })) {
      if (!line.includes('database system is ready to accept connections')) continue;
      own.stderr.resume();
      return true;
    }
    return false;
  };
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    const own = child;
    child = undefined;
    if (own === undefined || own.exitCode !== null || own.signalCode !== null) return;
    const exited = once(own, 'exit');
    own.kill(signal);
    await exited;
  };

  await start();
  let databases = 0;
  return {
    database: async () => {
      databases += 1;
      const name = `state_${databases}`;
      await command(`CREATE DATABASE ${name}`);
      return addressOf(name);
    },
    command,
    stop,
    start,
    [Symbol.asyncDispose]: async () => {
      await stop('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
