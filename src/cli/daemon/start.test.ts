import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { addressFromEnv } from '../../sdk/address.ts';
import { createTransport } from '../../sdk/transport.ts';
import type { Context } from '../command/context.ts';
import { createOutput } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';
import { cli } from '../testing/cli.ts';
import { ensureDaemon } from './start.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'minke-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A daemon in as many lines as a test of its start needs. It ends when it has answered twice. */
const smallDaemon = `
import { createServer } from 'node:http';
import { dirname } from 'node:path';
let asked = 0;
console.log('words: ' + process.argv.slice(2), 'in', process.cwd());
const server = createServer((request, answer) => {
  answer.setHeader('connection', 'close').end(JSON.stringify({ pid: process.pid, engine: { name: 'small' } }));
  if (++asked === 2) server.close();
}).listen(process.env.MINKE_DATA + '/minke.sock');
`;

const refusingDaemon = `
console.log('{"level":"info","message":"starting"}');
console.error('minke: The sandbox needs root');
console.error('hint: Run it with sudo');
process.exitCode = 1;
`;

async function start(program: string): Promise<unknown> {
  const entry = join(folder, 'entry.mjs');
  await writeFile(entry, program);
  const env = { ...process.env, MINKE_DATA: join(folder, 'data') };
  const err = createOutput(process.stderr, env);
  const { signal } = new AbortController();
  const context: Context = { env, cwd: '/', version: '0', entry, isJson: false, out: err, err, signal, commands: [] };
  const api = createTransport(addressFromEnv(env));
  const first = await ensureDaemon(context, api, createProgress(err));
  expect(await ensureDaemon(context, api, createProgress(err))).toEqual(first);
  return first;
}

it('starts a daemon where none answers, once, in a session and a folder of its own', async () => {
  const status = await start(smallDaemon);
  expect(status).toMatchObject({ engine: { name: 'small' } });
  expect(await readFile(join(folder, 'data/daemon.log'), 'utf8')).toBe('words: serve in /\n');
});

it('a daemon that ends instead of answering: its own error and hint', async () => {
  await expect(start(refusingDaemon)).rejects.toMatchObject({
    code: 'DAEMON_START_FAILED',
    message: 'The daemon did not start: The sandbox needs root',
    hint: 'Run it with sudo',
  });
});

it('a daemon that crashes: the last line of its log, and where the rest is', async () => {
  await expect(start('console.log("about to fail"); process.abort();')).rejects.toMatchObject({
    code: 'DAEMON_START_FAILED',
    hint: `Read its log: ${join(folder, 'data/daemon.log')}`,
  });
});

it('minke up tells why the daemon did not start: exit 3', async () => {
  await writeFile(join(folder, 'compose.yaml'), '');
  const { stderr, code } = await cli(['up', '-d'], {
    cwd: folder,
    env: { MINKE_DATA: join(folder, 'data'), MINKE_GATEWAY: 'nowhere' },
  });
  expect(stderr).toBe(
    `minke: The daemon did not start: The gateway's address cannot be "nowhere"\n` +
      'hint: Write HOST:PORT: --gateway 127.0.0.1:8080\n',
  );
  expect(code).toBe(3);
});

it('a daemon elsewhere is never started from here', async () => {
  await writeFile(join(folder, 'compose.yaml'), '');
  const env = { MINKE_DATA: folder, MINKE_API: 'http://127.0.0.1:1' };
  const { stderr, code } = await cli(['up', '-d'], { cwd: folder, env });
  expect(stderr).toBe('minke: No daemon answers at http://127.0.0.1:1\nhint: Start one: minke serve\n');
  expect(code).toBe(3);
});
