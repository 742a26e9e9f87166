import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTicks } from '../../../linux/proc.ts';
import { failureIn, firstProcess, knownContainers } from './containers.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'minke-runtime-'))));
afterEach(() => rmSync(folder, { recursive: true }));

describe("a runtime's own failure", () => {
  const log = (name: 'crun' | 'runc', ...lines: readonly object[]): void =>
    writeFileSync(join(folder, `${name}.log`), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));

  it('is none where it said nothing, or has not begun', () => {
    log('crun');
    expect([failureIn(folder, 'crun'), failureIn(folder, 'runc')]).toEqual([undefined, undefined]);
  });

  it('is what crun wrote last', () => {
    log('crun', { msg: 'first', level: 'error' }, { msg: 'no such program', level: 'error' });
    expect(failureIn(folder, 'crun')).toBe('no such program');
  });

  it('is not what runc warns of', () => {
    log('runc', { msg: 'a mount is odd', level: 'warning' });
    expect(failureIn(folder, 'runc')).toBeUndefined();
    log('runc', { msg: 'no such program', level: 'error' }, { msg: 'a mount is odd', level: 'warning' });
    expect(failureIn(folder, 'runc')).toBe('no such program');
  });

  it('is the line as it is where the end of the runtime cut it short', () => {
    writeFileSync(join(folder, 'runc.log'), '{"msg":"no such');
    expect(failureIn(folder, 'runc')).toBe('{"msg":"no such');
  });
});

describe("a runtime's account of its containers", () => {
  const ticks = startTicks(process.pid) ?? 0;
  const keep = (path: string, state: object): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify(state));
  };
  const [one, other] = ['1'.repeat(64), '2'.repeat(64)] as const;

  it('is read of crun and of runc alike', () => {
    keep(`crun/${one}/status`, { pid: process.pid, 'process-start-time': ticks });
    keep(`runc/${other}/state.json`, { init_process_pid: process.pid, init_process_start: ticks });
    const known = knownContainers(folder);
    expect(known).toEqual([
      { id: one, runtime: 'crun' },
      { id: other, runtime: 'runc' },
    ]);
    const self = { pid: process.pid, ticks };
    expect(known.map((container) => firstProcess(folder, container))).toEqual([self, self]);
  });

  it('names no process whose pid another has by now', () => {
    keep(`runc/${one}/state.json`, { init_process_pid: process.pid, init_process_start: ticks - 1 });
    expect(firstProcess(folder, { id: one, runtime: 'runc' })).toBeUndefined();
  });
});
