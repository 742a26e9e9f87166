import { execFileSync, spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

// bin/minke in a project whose command line only says what it was given.

let project: string;
const path = '/usr/bin:/bin';

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'minke-bin-'));
  await mkdir(join(project, 'bin'));
  await mkdir(join(project, 'src', 'cli'), { recursive: true });
  await copyFile(join(import.meta.dirname, '..', 'bin', 'minke'), join(project, 'bin', 'minke'));
  const says = `console.log(JSON.stringify({ args: process.argv.slice(2), cache: process.env.NODE_COMPILE_CACHE }));`;
  await writeFile(join(project, 'src', 'cli', 'main.ts'), says);
});

afterEach(async () => {
  await rm(project, { recursive: true });
});

it('runs the command line with its arguments as they are', async () => {
  await pinNode();
  const { args, cache } = run(join(project, 'bin', 'minke'), ['run', 'a b', '']);
  expect(args).toEqual(['run', 'a b', '']);
  expect(cache).toBe(join(project, 'node_modules', '.cache', 'minke'));
});

it('finds its project through links and from any folder', async () => {
  await pinNode();
  await mkdir(join(project, 'links'));
  await symlink('../bin/minke', join(project, 'links', 'relative'));
  await symlink(join(project, 'links', 'relative'), join(project, 'links', 'absolute'));
  expect(run(join(project, 'links', 'absolute'), ['ps']).args).toEqual(['ps']);
  expect(run('./relative', ['ps'], join(project, 'links')).args).toEqual(['ps']);
});

it('says how to get a Node when there is none that is new enough', async () => {
  await mkdir(join(project, 'old'));
  await writeFile(join(project, 'old', 'node'), '#!/bin/sh\necho v20.1.0\n', { mode: 0o755 });
  const env = { PATH: `${join(project, 'old')}:${path}` };
  const { status, stderr } = spawnSync(join(project, 'bin', 'minke'), ['ps'], { encoding: 'utf8', env });
  expect(status).toBe(3);
  expect(stderr).toContain('this machine has v20.1.0');
  expect(stderr).toContain('npm run setup');
});

async function pinNode(): Promise<void> {
  await mkdir(join(project, 'node_modules', 'node', 'bin'), { recursive: true });
  await symlink(process.execPath, join(project, 'node_modules', 'node', 'bin', 'node'));
}

function run(program: string, args: readonly string[], cwd = '/'): { args: readonly string[]; cache: string } {
  const output = execFileSync(program, args, { cwd, encoding: 'utf8', env: { PATH: path } });
  return JSON.parse(output) as { args: readonly string[]; cache: string };
}
