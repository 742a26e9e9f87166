import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hostsText, renewHosts } from './hosts-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'minke-hosts-'));
const file = join(folder, 'hosts');
afterAll(() => rmSync(folder, { recursive: true }));

describe('the hosts of a running container', () => {
  it('keep what is its own, and have the names of now, more or fewer, in the same file', () => {
    writeFileSync(file, hostsText('127.0.0.1 localhost\n', '10.64.128.1 db\n'));
    const { ino } = statSync(file);
    for (const names of ['10.64.128.1 db\n10.64.128.2 web\n', '10.64.128.2 web\n', '']) {
      renewHosts(file, names);
      expect(readFileSync(file, 'utf8')).toBe(`127.0.0.1 localhost\n# names of the app\n${names}`);
    }
    expect(statSync(file).ino).toBe(ino);
  });

  it('stay as they are where the container has written its own', () => {
    writeFileSync(file, '10.1.2.3 mine\n');
    renewHosts(file, '10.64.128.1 db\n');
    expect(readFileSync(file, 'utf8')).toBe('10.1.2.3 mine\n');
  });
});
