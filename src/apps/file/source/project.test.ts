import { describe, expect, it } from 'vitest';
import type { LoadOptions } from '../../load-app.ts';
import { inMemory, memory, modelOf, problemsOf } from '../../testing/app-file.ts';

describe('extends', () => {
  it('CO-5 puts what another service says beneath, through a chain, and merges as files do', () => {
    const text = `services:
  base: {image: a, environment: {A: 1, B: 1}, command: [base], profiles: [never]}
  middle: {extends: base, environment: [B=2], profiles: !reset null}
  web: {extends: {service: middle}, environment: {C: 3}, command: [web]}
`;
    const { services } = modelOf(memory(text));
    expect(services['web']).toMatchObject({ image: 'a', environment: { A: '1', B: '2', C: '3' }, command: ['web'] });
    expect(Object.keys(services)).toEqual(['middle', 'web']);
  });

  it('CO-5 takes a service of another file, whose paths begin where that file lies', () => {
    const others = {
      '/a/parts/common.yaml': 'services: {base: {image: a, volumes: ["./data:/data"], env_file: web.env}}',
      '/a/parts/web.env': 'FROM=parts',
      '/a/parts/data/': '',
      '/a/own/': '',
    };
    const text = `services:\n  web: {extends: {file: parts/common.yaml, service: base}, volumes: ["./own:/own"]}\n`;
    const { web } = modelOf(memory(text, others)).services;
    expect(web?.mounts.map(({ source }) => source)).toEqual(['/a/parts/data', '/a/own']);
    expect(web?.environment).toEqual({ FROM: 'parts' });
  });

  it.each([
    ['itself', 'web: {extends: web}', '"compose.yaml#web" extends "compose.yaml#web"'],
    [
      'one another',
      'web: {extends: b}\n  b: {extends: c}\n  c: {extends: b}',
      '"compose.yaml#b" extends "compose.yaml#c" extends "compose.yaml#b"',
    ],
  ])('CO-5 refuses services that extend %s, with the place', (_, services, circle) => {
    const [problem] = problemsOf(memory(`services:\n  ${services}\n`));
    expect(problem).toMatchObject({ code: 'APP_FILE_CYCLE', facts: { reason: circle } });
    expect(problem?.message).toMatch(/^Cannot use compose\.yaml:\d: /);
  });

  it('refuses a circle through files', () => {
    const others = { '/a/other.yaml': 'services: {base: {extends: {file: compose.yaml, service: web}}}' };
    const text = 'services:\n  web: {extends: {file: other.yaml, service: base}}\n';
    expect(problemsOf(memory(text, others))[0]).toMatchObject({
      code: 'APP_FILE_CYCLE',
      facts: { reason: '"compose.yaml#web" extends "other.yaml#base" extends "compose.yaml#web"' },
    });
  });

  it.each([
    ['{extends: bse}', 'services.web.extends', 'Did you mean "base"?'],
    ['{extends: {service: base, file: none.yaml}}', 'services.web.extends.file', 'Make /a/none.yaml, or name another.'],
    ['{extends: {file: none.yaml}}', 'services.web.extends', 'Write service: NAME.'],
    ['{extends: {servce: base}}', 'services.web.extends.servce', 'Did you mean "service"?'],
  ])('refuses %s and says what to write', (web, key, mend) => {
    const found = problemsOf(memory(`services:\n  base: {image: a}\n  web: ${web}\n`));
    expect(found.map(({ facts }) => [facts['key'], facts['mend']])).toContainEqual([key, mend]);
  });
});

describe('include', () => {
  const main = (include: string, more = ''): string => `include: ${include}\nservices:\n  web: {image: a}\n${more}`;

  it('CO-5 puts another file beside, with paths and variables of its own folder', () => {
    const others = {
      '/a/team/compose.yaml':
        'services:\n  db: {image: "db:${TAG}", volumes: ["./data:/data", "db:/db"]}\nvolumes: {db: }\nname: other\n',
      '/a/team/.env': 'TAG=team\n',
      '/a/team/data/': '',
    };
    const { name, services, volumes } = modelOf(memory(main('[team/compose.yaml]'), others));
    expect([name, Object.keys(services)]).toEqual(['a', ['web', 'db']]);
    expect(services['db']?.image).toBe('db:team');
    expect(services['db']?.mounts[0]?.source).toBe('/a/team/data');
    expect(volumes).toEqual({ db: { name: 'a_db', external: false } });
  });

  it('CO-5 takes the folder, the variables and the overrides that its long form names', () => {
    const others = {
      '/a/team/compose.yaml': 'services: {db: {image: "db:${TAG}-${OTHER}", volumes: ["./data:/data"]}}',
      '/a/team/override.yaml': 'services: {db: {user: "7"}}',
      '/a/team.env': 'TAG=named\nOTHER=named\n',
      '/a/base/data/': '',
    };
    const include = '[{path: [team/compose.yaml, team/override.yaml], project_directory: base, env_file: team.env}]';
    const { db } = modelOf({ ...memory(main(include), others), environment: { OTHER: 'caller' } }).services;
    expect(db).toMatchObject({ image: 'db:named-caller', user: '7' });
    expect(db?.mounts[0]?.source).toBe('/a/base/data');
  });

  it('lets a later file override what an earlier one includes', () => {
    const host = inMemory({
      '/a/compose.yaml': main('[team.yaml]'),
      '/a/team.yaml': 'services: {db: {image: a, user: "1"}}',
      '/a/override.yaml': 'services: {db: {user: "2"}}',
    });
    const { db } = modelOf({ files: ['/a/compose.yaml', '/a/override.yaml'], host }).services;
    expect(db).toMatchObject({ image: 'a', user: '2' });
  });

  it('takes a file once that two others include', () => {
    const others = {
      '/a/one.yaml': 'include: [base.yaml]\nservices: {one: {image: a}}',
      '/a/two.yaml': 'include: [base.yaml]\nservices: {two: {image: a}}',
      '/a/base.yaml': 'services: {db: {image: db}}',
    };
    const { services } = modelOf(memory(main('[one.yaml, two.yaml]'), others));
    expect(Object.keys(services).toSorted()).toEqual(['db', 'one', 'two', 'web']);
  });

  it.each([
    ['services: {web: {image: b}}', 'services.web'],
    ['services: {db: {image: b}}\nvolumes: {data: {name: other}}', 'volumes.data'],
  ])('CO-5 refuses a name that both files have: %s', (text, key) => {
    const found = problemsOf(memory(main('[team.yaml]', 'volumes: {data: }\n'), { '/a/team.yaml': text }));
    expect(found.map(({ code, facts }) => [code, facts['key']])).toEqual([['APP_FILE_BAD_VALUE', key]]);
    expect(found[0]?.message).toContain('team.yaml:');
  });

  it.each([
    ['[none.yaml]', 'include[0]', 'APP_FILE_BAD_REFERENCE'],
    ['[{path: team.yaml, env_file: none.env}]', 'include[0].env_file', 'APP_FILE_BAD_REFERENCE'],
    ['[compose.yaml]', 'include[0]', 'APP_FILE_CYCLE'],
    ['[round.yaml]', 'include[0]', 'APP_FILE_CYCLE'],
    ['[{pth: team.yaml}]', 'include[0].pth', 'APP_FILE_UNKNOWN_KEY'],
    ['team.yaml', 'include', 'APP_FILE_BAD_VALUE'],
  ])('refuses %s with its place', (include, key, code) => {
    const others = { '/a/team.yaml': 'services: {db: {image: a}}', '/a/round.yaml': 'include: [round.yaml]' };
    const found = problemsOf(memory(main(include), others));
    expect(found.map((problem) => [problem.code, problem.facts['key']])).toContainEqual([code, key]);
  });
});

describe('profiles', () => {
  const text = `services:
  web: {image: a}
  debug: {image: a, profiles: [debug], depends_on: [db]}
  db: {image: a, profiles: [debug, data]}
  seed: {image: a, profiles: [data], privileged: true}
`;
  const names = (more: Partial<LoadOptions>): readonly string[] =>
    Object.keys(modelOf({ ...memory(text.replace(', privileged: true', '')), ...more }).services);

  it.each<[string, Partial<LoadOptions>, string[]]>([
    ['nothing', {}, ['web']],
    ['--profile debug', { profiles: ['debug'] }, ['web', 'debug', 'db']],
    ['COMPOSE_PROFILES', { environment: { COMPOSE_PROFILES: 'data, debug' } }, ['web', 'debug', 'db', 'seed']],
    ['every profile', { profiles: ['*'] }, ['web', 'debug', 'db', 'seed']],
    ['a service that is named', { targets: ['seed'] }, ['web', 'db', 'seed']],
  ])('CO-5 are activated by %s', (_, options, active) => {
    expect(names(options)).toEqual(active);
  });

  it('that are not active may ask for what cannot be had, but not for what does not exist', () => {
    expect(problemsOf(memory(text))).toEqual([]);
    const slip = problemsOf(memory(text.replace('privileged', 'priviledged')));
    expect(slip.map(({ facts }) => facts['key'])).toEqual(['services.seed.priviledged']);
  });

  it('that others depend on are named', () => {
    const [problem] = problemsOf(
      memory('services:\n  web: {image: a, depends_on: [db]}\n  db: {image: a, profiles: [x]}\n'),
    );
    expect(problem?.message).toContain('which is not active: it belongs to the profile "x"');
    expect(problem?.hint).toBe('Activate it: --profile x, or write required: false.');
  });

  it('that leave no service are named', () => {
    const [problem] = problemsOf(memory('services: {db: {image: a, profiles: [x]}}\n'));
    expect(problem?.hint).toBe('Activate one: --profile x');
  });
});

describe('the name of an app', () => {
  it('CO-5 is the one asked for, else COMPOSE_PROJECT_NAME, else that of the file, else the folder', () => {
    const named = memory('name: file\nservices: {web: {image: a}}');
    const environment = { COMPOSE_PROJECT_NAME: 'variable' };
    expect(modelOf({ ...named, environment, project: 'asked' }).name).toBe('asked');
    expect(modelOf({ ...named, environment }).name).toBe('variable');
    expect(modelOf(named).name).toBe('file');
    expect(modelOf(memory('services: {web: {image: a}}')).name).toBe('a');
    expect(modelOf(memory('services: {web: {image: a}}', { '/a/.env': 'COMPOSE_PROJECT_NAME=dotenv' })).name).toBe(
      'dotenv',
    );
  });
});
