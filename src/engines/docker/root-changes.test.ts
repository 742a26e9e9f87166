import { expect, it } from 'vitest';
import type { RootChange } from '../engine.ts';
import { addChanges, type EngineChange } from './root-changes.ts';

const kinds = { C: 0, A: 1, D: 2 } as const;
const life = (...lines: readonly `${keyof typeof kinds} ${string}`[]): EngineChange[] =>
  lines.map((line) => ({ Path: line.slice(2), Kind: kinds[line[0] as keyof typeof kinds] }));
const after = (...lives: readonly EngineChange[][]): string[] =>
  lives
    .reduce<readonly RootChange[]>((before, one) => addChanges(before, one), [])
    .map(({ path, kind }) => `${kind} ${path}`);

it('puts folders before what is in them, whatever the names beside them', () => {
  expect(after(life('A /a/x', 'A /a-b', 'C /a'))).toEqual(['modified /a', 'added /a/x', 'added /a-b']);
});

it('tells what was added in one life and changed in the next as added', () => {
  expect(after(life('A /new'), life('C /new'))).toEqual(['added /new']);
});

it('tells nothing of what was added in one life and deleted with its folder in another', () => {
  expect(after(life('C /var', 'A /var/new', 'A /var/new/file'), life('C /var', 'D /var/new'))).toEqual([
    'modified /var',
  ]);
});

it('tells what the image has and a life has deleted, and nothing more below it', () => {
  expect(after(life('C /etc', 'C /etc/passwd'), life('D /etc'))).toEqual(['deleted /etc']);
});

it('tells what was deleted and is there again as modified', () => {
  expect(after(life('C /bin', 'D /bin/true'), life('C /bin', 'A /bin/true'))).toEqual([
    'modified /bin',
    'modified /bin/true',
  ]);
});
