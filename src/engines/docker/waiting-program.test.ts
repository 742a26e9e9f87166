import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { waitingProgram } from './waiting-program.ts';

it('is a program of this processor that waits without work, through signals that it does not end by', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'minke-hold-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'hold');
  writeFileSync(file, waitingProgram(process.arch));
  chmodSync(file, 0o755);
  const child = spawn(file, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await once(child, 'spawn');
  const state = (): string => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? '';
  await expect.poll(state).toBe('S');
  child.kill('SIGCONT');
  await expect.poll(state).toBe('S');
  child.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
});

it('is refused for a processor that nobody has written it for', () => {
  expect(() => waitingProgram('s390x')).toThrow('The Docker engine on s390x is not supported');
});
