import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { brokenLinks } from './links.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'minke-links-'));
  await mkdir(join(root, 'docs'));
  await writeFile(join(root, 'docs', 'picture.svg'), '');
});

afterAll(async () => {
  await rm(root, { recursive: true });
});

it.each([
  ['a file beside it', 'docs/page.md', '[a](picture.svg)'],
  ['a file elsewhere with a place in it', 'docs/page.md', '[a](../docs/picture.svg#x)'],
  ['an image', 'README.md', '![a](docs/picture.svg)'],
  ['another host', 'README.md', '[a](https://example.com/x)'],
  ['a heading of its own', 'README.md', '## The `ok` command\n[a](#the-ok-command)'],
  ['nothing, in code', 'README.md', '`[a](b)`\n```\n[a](b)\n```'],
])('lets a page link to %s', (_, file, text) => {
  expect(brokenLinks(root, file, text)).toEqual([]);
});

it.each([
  ['a file that is not there', 'README.md', '[a](docs/gone.md)', 'docs/gone.md'],
  ['an image that is not there', 'README.md', '<img src="gone.svg">', 'gone.svg'],
  ['a heading that is not there', 'README.md', '# Title\n[a](#titel)', '#titel'],
  ['a file outside the project', 'README.md', '[a](../../etc)', '../../etc'],
])('reports a link to %s', (_, file, text, target) => {
  expect(brokenLinks(root, file, text)).toEqual([`${file} links to ${target}, which is not there`]);
});
