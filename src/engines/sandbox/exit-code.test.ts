import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readExitCode } from './exit-code.ts';

it('takes no exit code that was cut short for one, and none that is not there', () => {
  const home = mkdtempSync(join(tmpdir(), 'minke-exit-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  expect(readExitCode(home)).toBeUndefined();
  for (const [text, code] of [
    ['', undefined],
    ['1', undefined],
    ['137\n', 137],
    ['0\n', 0],
  ] as const) {
    writeFileSync(join(home, 'exit'), text);
    expect(readExitCode(home)).toBe(code);
  }
});
