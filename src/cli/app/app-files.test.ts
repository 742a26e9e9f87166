import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appFiles } from './app-files.ts';

describe('the app files that are meant', () => {
  let folder = '';
  const path = (name: string): string => join(folder, name);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'minke-app-files-'));
    mkdirSync(path('below'));
    for (const name of ['compose.yaml', 'compose.override.yaml', 'other.yaml', 'more.yaml'])
      writeFileSync(path(name), '');
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it.each<[string, string[], Record<string, string>, string[]]>([
    ['those that are named', ['other.yaml'], { COMPOSE_FILE: 'more.yaml' }, ['other.yaml']],
    ['those of COMPOSE_FILE', [], { COMPOSE_FILE: 'other.yaml:more.yaml' }, ['other.yaml', 'more.yaml']],
    [
      'those of COMPOSE_FILE, separated as COMPOSE_PATH_SEPARATOR says',
      [],
      { COMPOSE_FILE: 'other.yaml,more.yaml', COMPOSE_PATH_SEPARATOR: ',' },
      ['other.yaml', 'more.yaml'],
    ],
    ['the one that lies here, with its override', [], {}, ['compose.yaml', 'compose.override.yaml']],
    [
      'the one that lies here, where COMPOSE_FILE is empty',
      [],
      { COMPOSE_FILE: '' },
      ['compose.yaml', 'compose.override.yaml'],
    ],
  ])('CO-5 are %s', (_, named, env, files) => {
    expect(appFiles(folder, named, env)).toEqual(files.map(path));
  });

  it('are those of a folder above', () => {
    expect(appFiles(path('below'), [], {})).toEqual([path('compose.yaml'), path('compose.override.yaml')]);
  });

  it('are said to be missing where COMPOSE_FILE names one that is', () => {
    expect(() => appFiles(folder, [], { COMPOSE_FILE: 'none.yaml' })).toThrow('"none.yaml" does not exist');
  });
});
