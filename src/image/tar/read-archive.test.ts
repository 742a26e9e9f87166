import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync, linkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tarOf } from '../testing/images.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { openByteSource } from './byte-source.ts';
import { readArchive, type TarMember } from './read-archive.ts';

const folder = temporaryFolder();
const longName = `${'deep/'.repeat(40)}file-${'x'.repeat(120)}.txt`;

function read(path: string): readonly (TarMember & { text: string })[] {
  using source = openByteSource(path);
  return [...readArchive(source, 'test')].map((member) => ({
    ...member,
    text: source.read(member.bodyOffset, member.size).toString(),
  }));
}

function write(name: string, bytes: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe('archives that minke writes', () => {
  const entries = [
    { name: 'folder', type: 'folder', mode: 0o1777 },
    { name: 'folder/file', text: 'hello', mode: 0o4755 },
    { name: 'grüße', text: 'umlaut' },
    { name: longName, text: 'long' },
    { name: 'link', type: 'symlink', linkName: `/${longName}` },
    { name: 'hard', type: 'hardlink', linkName: 'folder/file' },
  ] as const;

  it('are read back as they were written', () => {
    const members = read(write('own.tar', tarOf(entries)));
    expect(members.map(({ name, type, mode, linkName, text }) => [name, type, mode, linkName, text])).toEqual([
      ['folder', 'folder', 0o1777, '', ''],
      ['folder/file', 'file', 0o4755, '', 'hello'],
      ['grüße', 'file', 0o644, '', 'umlaut'],
      [longName, 'file', 0o644, '', 'long'],
      ['link', 'symlink', 0o644, `/${longName}`, ''],
      ['hard', 'hardlink', 0o644, 'folder/file', ''],
    ]);
  });

  it('are what GNU tar understands', () => {
    const path = write('for-gnu.tar', tarOf(entries));
    const listed = execFileSync('tar', ['--list', '--quoting-style=literal', '--file', path], { encoding: 'utf8' });
    expect(listed.trim().split('\n')).toEqual(['folder/', 'folder/file', 'grüße', longName, 'link', 'hard']);
  });
});

describe('archives that GNU tar writes', () => {
  const source = join(folder, 'source');
  mkdirSync(join(source, longName, '..'), { recursive: true });
  writeFileSync(join(source, longName), 'long');
  writeFileSync(join(source, 'a'), 'first');
  linkSync(join(source, 'a'), join(source, 'b'));
  symlinkSync('a', join(source, 'c'));
  const pack = (name: string, ...options: string[]): string => {
    const path = join(folder, name);
    execFileSync('tar', ['--create', '--sort=name', '--file', path, ...options, '--directory', source, '.']);
    return path;
  };

  it.each(['gnu', 'pax', 'ustar'])('are read in the format %s', (format) => {
    const options = format === 'ustar' ? ['--exclude=deep'] : [];
    const members = read(pack(`${format}.tar`, `--format=${format}`, ...options));
    const byName = new Map(members.map((member) => [member.name, member]));
    expect(byName.get('./a')?.text).toBe('first');
    expect(byName.get('./b')).toMatchObject({ type: 'hardlink', linkName: './a' });
    expect(byName.get('./c')).toMatchObject({ type: 'symlink', linkName: 'a' });
    expect(byName.get(`./${longName}`)?.text).toBe(format === 'ustar' ? undefined : 'long');
  });

  it.each(['gnu', 'pax'])('are refused where they hold sparse files (%s)', (format) => {
    writeFileSync(join(source, 'sparse'), 'x');
    truncateSync(join(source, 'sparse'), 1 << 20);
    const path = pack(`sparse-${format}.tar`, '--sparse', `--format=${format}`);
    expect(() => read(path)).toThrow(/sparse|unknown type "S"/);
  });
});

describe('broken archives', () => {
  const whole = tarOf([{ name: 'file', text: 'x'.repeat(2000) }]);

  it('are refused when they end in the middle of a file', () => {
    expect(() => read(write('cut.tar', whole.subarray(0, 1024)))).toThrow('ends in the middle of "file"');
  });

  it('are refused when they end in the middle of a header', () => {
    expect(() => read(write('half.tar', whole.subarray(0, 300)))).toThrow('ends in the middle of a header');
  });

  it('are refused when a header was changed', () => {
    const changed = Buffer.from(whole);
    changed.write('elif', 0);
    changed[0] = 0x7f;
    expect(() => read(write('changed.tar', changed))).toThrow('wrong checksum');
  });
});
