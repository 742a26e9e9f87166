import { describe, expect, it } from 'vitest';
import { parseIgnore } from './ignore.ts';

/** Path, ending in a slash for a folder. */
function ignored(patterns: string, path: string): boolean {
  return parseIgnore(patterns)(path.replace(/\/$/, ''), path.endsWith('/'));
}

describe('.minkeignore', () => {
  it.each([
    ['*.log', 'a.log'],
    ['*.log', 'deep/down/a.log'],
    ['/build', 'build/'],
    ['build/', 'src/build/'],
    ['docs/*.md', 'docs/a.md'],
    ['**/cache', 'a/b/cache/'],
    ['a/**', 'a/b/c'],
    ['a/**/z', 'a/z'],
    ['a/**/z', 'a/b/c/z'],
    ['file?', 'file1'],
    ['[a-c]x', 'bx'],
    ['\\#hash', '#hash'],
    ['a b  ', 'a b'],
    ['.env*', '.env.local'],
    ['x.(ts)', 'x.(ts)'],
  ])('"%s" leaves out %s', (pattern, path) => {
    expect(ignored(pattern, path)).toBe(true);
  });

  it.each([
    ['*.log', 'a.log.txt'],
    ['/build', 'src/build/'],
    ['build/', 'build'],
    ['docs/*.md', 'docs/deep/a.md'],
    ['docs/*.md', 'other/docs/a.md'],
    ['a/**', 'a/'],
    ['file?', 'file'],
    ['[!a-c]x', 'bx'],
    ['# *.md', 'a.md'],
    ['a.b', 'axb'],
  ])('"%s" keeps %s', (pattern, path) => {
    expect(ignored(pattern, path)).toBe(false);
  });

  it('the last pattern that matches wins', () => {
    expect(ignored('*.md\n!README.md', 'README.md')).toBe(false);
    expect(ignored('!README.md\n*.md', 'README.md')).toBe(true);
  });
});
