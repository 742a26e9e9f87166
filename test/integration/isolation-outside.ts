import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { host } from './isolation-fixtures.ts';

/**
 * A host outside: a network namespace with an address of TEST-NET-3 (RFC 5737), which no network has, and servers on TCP 8000
 * and 8001 and UDP 8000. This machine reaches it by a link of its own and has `hostAddress` there.
 */
export interface Outside {
  readonly address: string;
  readonly hostAddress: string;
  /** Resolves when it hears this by UDP. */
  hears(text: string): Promise<void>;
  /** Everything it has heard so far. */
  heard(): string;
  remove(): Promise<void>;
}

const program = fileURLToPath(new URL('../fixtures/apps/outbound/outside.mjs', import.meta.url));

export async function openOutside(): Promise<Outside> {
  const [address, hostAddress] = ['203.0.113.7', '203.0.113.1'];
  const name = `minke-outside-${process.pid}`;
  const link = `mo${process.pid}`;
  host('ip', 'netns', 'add', name);
  host('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  host('ip', 'addr', 'add', `${hostAddress}/24`, 'dev', link);
  host('ip', 'link', 'set', link, 'up');
  const inside = (...words: string[]): string => host('ip', '-n', name, ...words);
  inside('link', 'set', 'lo', 'up');
  inside('addr', 'add', `${address}/24`, 'dev', 'eth0');
  inside('link', 'set', 'eth0', 'up');
  const server = spawn('ip', ['netns', 'exec', name, process.execPath, program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let heard = '';
  server.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  const hears = async (text: string): Promise<void> => {
    while (!heard.includes(text)) await once(server.stdout, 'data');
  };
  await hears('ready');
  return {
    address,
    hostAddress,
    hears: async (text) => await hears(`heard ${text}`),
    heard: () => heard,
    remove: async () => {
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
      host('ip', 'netns', 'del', name);
    },
  };
}
