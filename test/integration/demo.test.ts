import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { leftoversOf } from './leftovers.ts';
import { castVote } from './voting-app.ts';
import { isAlive, processesOf } from './voting-host.ts';

const demo = fileURLToPath(new URL('../../scripts/demo.ts', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

// Far more than any of it takes on a machine that is not busy with something else.
vi.setConfig({ testTimeout: 180_000 });

let folder: string;
let elsewhere: string;
const running = new Set<ChildProcess>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minke-test-demo-'));
  elsewhere = mkdtempSync(join(tmpdir(), 'minke-elsewhere-'));
});
afterAll(async () => {
  // Only what a failed test has left: it ends its daemon and cleans up, as at Ctrl-C.
  for (const child of running) child.kill('SIGINT');
  await Promise.all([...running].map(async (child) => await once(child, 'exit')));
  for (const made of [folder, elsewhere]) rmSync(made, { recursive: true, force: true });
});

interface Demo {
  readonly child: ChildProcess;
  readonly dataFolder: string;
  /** What it has printed so far, both streams. */
  readonly text: () => string;
  /** Exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** `npm run demo` after its set-up, on the Node that runs these tests, which is the pinned one. */
function startDemo(name: string, cwd: string, args: readonly string[] = []): Demo {
  const dataFolder = join(folder, name);
  const env = { ...process.env, MINKE_DATA: dataFolder, NO_COLOR: '1' };
  const child = spawn(process.execPath, [demo, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  running.add(child);
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  return { child, dataFolder, text: () => text, ended };
}

async function expectGoodEnd({ dataFolder, text, ended }: Demo): Promise<void> {
  const code = await ended;
  expect({ code, text: text() }).toMatchObject({ code: 0, text: expect.stringContaining('othing is left behind') });
  expect(leftoversOf(dataFolder), 'left on the host').toEqual([]);
  expect(processesOf(dataFolder), 'alive on the host').toEqual([]);
  expect(existsSync(dataFolder), 'its data').toBe(false);
}

/** The daemon's answer may come at any time; the demo prints its addresses when it has. */
async function addressesOf({ child, text, ended }: Demo): Promise<string> {
  for (;;) {
    const [, gateway] = /(http:\/\/\S+)\/vote\n[^]*Ctrl-C ends it all/.exec(text()) ?? [];
    if (gateway !== undefined) return gateway;
    const early = ended.then((code) => `it ended with ${code}:\n${text()}`);
    const said = await Promise.race([once(child.stdout ?? child, 'data'), early]);
    if (typeof said === 'string') throw new Error(said);
  }
}

it('DR-15 the check of the demo votes, re-votes, counts, and leaves nothing, from another working directory', async () => {
  const check = startDemo('one', elsewhere, ['--check']);
  await expectGoodEnd(check);
  expect(check.text()).toMatch(/20 votes and 5 changes of mind/);
  expect(check.text()).toMatch(/The result: 9 for a, 11 for b/);
  expect(check.text()).toMatch(/25 took votes, 25 recorded them/);
  expect(check.text()).toMatch(/At rest 1 container lives on this host/);
});

it('DR-15 two checks side by side both succeed and leave nothing', async () => {
  const both = [startDemo('left', elsewhere, ['--check']), startDemo('right', root, ['--check'])];
  for (const check of both) {
    await expectGoodEnd(check);
    expect(check.text()).toContain('The result: 9 for a, 11 for b');
  }
});

it.each(['SIGINT', 'SIGTERM'] as const)('DR-15 the demo stays up until %s and then leaves nothing', async (signal) => {
  const watched = startDemo(`until-${signal}`, elsewhere);
  const gateway = await addressesOf(watched);
  expect((await castVote(gateway, 'a')).status).toBe(200);
  const processes = processesOf(watched.dataFolder);
  expect(processes.filter(({ command }) => command.includes('starter/main.ts'))).toHaveLength(1);
  watched.child.kill(signal);
  await expectGoodEnd(watched);
  expect(processes.filter(isAlive), 'still alive').toEqual([]);
});

it('DR-15 the demo refuses a data folder that is not empty, and touches nothing in it', async () => {
  const used = join(folder, 'used');
  mkdirSync(used);
  writeFileSync(join(used, 'mine'), 'dear to me');
  const refused = startDemo('used', elsewhere, ['--check']);
  expect(await refused.ended).toBe(1);
  expect(refused.text()).toContain(`${used}, which is not empty`);
  expect(readdirSync(used)).toEqual(['mine']);
  expect(readFileSync(join(used, 'mine'), 'utf8')).toBe('dear to me');
  expect(processesOf(used), 'alive on the host').toEqual([]);
});
