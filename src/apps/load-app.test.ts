import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inMemory, memory, modelOf, problemsOf, warningsOf } from './testing/app-file.ts';

const fixtures = join(import.meta.dirname, '../../test/fixtures/app-files');
const bad = join(fixtures, 'bad');
const badFiles = readdirSync(bad)
  .filter((file) => file.endsWith('.yaml') && !file.endsWith('.mended.yaml'))
  .map((file) => basename(file, '.yaml'));

describe('bad app files', () => {
  it('there are more than ten of them', () => {
    expect(badFiles.length).toBeGreaterThan(10);
  });

  it.each(badFiles)('CO-1 %s: each problem is named with its line, key, code and mend, and mended it loads', (name) => {
    const expected = JSON.parse(readFileSync(join(bad, `${name}.expected.json`), 'utf8')) as { problems: unknown };
    const found = problemsOf({ files: [join(bad, `${name}.yaml`)] });
    const seen = found.map(({ code, facts, hint }) => ({
      line: facts['line'],
      key: facts['key'],
      code,
      mend: hint?.replaceAll(bad, 'FOLDER'),
    }));
    expect(seen).toEqual(expected.problems);
    for (const { message } of found) expect(message).toContain(`${name}.yaml:`);
    expect(problemsOf({ files: [join(bad, `${name}.mended.yaml`)] })).toEqual([]);
  });
});

describe('good app files', () => {
  it('CO-6 reads functions and services side by side, with every default filled in', () => {
    const { services, volumes, name } = modelOf({ files: [join(fixtures, 'good/voting.yaml')], cores: 2 });
    expect(name).toBe('voting');
    expect(services['vote']).toMatchObject({
      kind: 'cgi',
      routes: [{ prefix: '/vote' }],
      mayRun: ['record-vote'],
      environment: { OPTION_A: 'Cats', OPTION_B: 'Dogs' },
      readOnly: true,
      tmpBytes: 64 * 1024 ** 2,
      limits: { memoryBytes: 512 * 1024 ** 2, pids: 256, cpus: 0 },
      timeoutMs: 30_000,
      concurrency: 8,
      outbound: 'public',
    });
    expect(services['vote']?.build).toEqual({ context: join(fixtures, 'good/vote'), args: {} });
    expect(services['record-vote']).toMatchObject({
      kind: 'task',
      timeoutMs: 600_000,
      pack: { runtime: 'none', include: ['/usr/bin/psql', '/bin/sh'] },
    });
    expect(services['db']).toMatchObject({
      kind: 'service',
      ports: [5432],
      restart: 'always',
      readOnly: false,
      tmpBytes: 0,
      stopGraceMs: 90_000,
      limits: { memoryBytes: 0, pids: 4096, cpus: 0 },
      mounts: [{ type: 'volume', source: 'db', target: '/data', readOnly: false }],
    });
    expect(volumes).toEqual({ db: { name: 'voting_db', external: false } });
  });

  it('CO-5 merges a later file: a key taken away, a list replaced, a mapping joined', () => {
    const files = [join(fixtures, 'good/voting.yaml'), join(fixtures, 'good/compose.postgres.yaml')];
    const { db } = modelOf({ files }).services;
    expect(db).toMatchObject({ image: 'postgres:17', environment: { POSTGRES_PASSWORD: 'secret' }, ports: [5432] });
    expect(db?.build).toBeUndefined();
    expect(db?.mounts.map(({ target }) => target)).toEqual(['/var/lib/postgresql/data']);
  });

  it('CO-5 reads the short and the long forms, anchors, variables and env files of plain Compose', () => {
    const environment = { FROM_CALLER: 'yes', HOME: '/root' };
    const { services, volumes } = modelOf({ files: [join(fixtures, 'good/plain.yaml')], environment });
    const { web, cache, api } = services;
    expect(web?.environment).toEqual({
      TZ: 'UTC',
      LEVEL: 'info',
      FROM_CALLER: 'yes',
      PRICE: '5$',
      FIRST: 'one',
      SECOND: 'two\nlines one',
      THIRD: 'as $it is',
      FROM_FILE: 'yes',
    });
    expect(web).toMatchObject({
      image: 'acme/web:latest',
      entrypoint: ['/bin/tini', '--'],
      command: ['sh', '-c', 'echo "$HOME" && exec web'],
      dependsOn: [
        { name: 'cache', condition: 'service_started', required: true, restart: false },
        { name: 'db', condition: 'service_started', required: true, restart: false },
      ],
      ports: [3000, 3001, 3002, 80, 443, 9000],
      routes: [{ prefix: '/' }],
      labels: { 'com.example.team': 'web' },
      restart: 'on-failure',
      tmpBytes: 8 * 1024 ** 2,
      limits: { memoryBytes: 256 * 1024 ** 2, pids: 64, cpus: 0.5 },
      mounts: [
        { type: 'bind', source: join(fixtures, 'good/vote'), target: '/srv/vote', readOnly: true },
        { type: 'volume', source: 'shared', target: '/shared', readOnly: true },
        { type: 'tmpfs', target: '/cache', readOnly: false, sizeBytes: 16 * 1024 ** 2 },
      ],
    });
    expect(cache?.limits).toEqual({ memoryBytes: 1024 ** 3, pids: 100, cpus: 2 });
    expect(api).toMatchObject({
      kind: 'http',
      ports: [3000],
      concurrency: 20,
      api: true,
      outbound: [{ cidr: '10.0.0.0/8', port: 5432 }, { cidr: '192.0.2.7/32' }],
      routes: [
        { host: 'api.example.com', prefix: '/' },
        { host: 'api.example.com', prefix: '/v2' },
      ],
    });
    expect(volumes['shared']).toEqual({ name: 'shared-by-all', external: true });
  });

  it('says what the file asks for and does not get, which of this one is nothing', () => {
    const warnings = warningsOf({ files: [join(fixtures, 'good/plain.yaml')] });
    expect(warnings.map(({ facts }) => facts['key'])).toEqual([]);
  });
});

describe('an app file in memory', () => {
  const image = 'image: acme/web';

  it.each([
    ['/srv/My App_1', undefined, 'myapp_1'],
    ['/srv/__Ümlaut', undefined, 'mlaut'],
    ['/srv/shop', 'other', 'other'],
  ])('names the app of %s (asked for: %s) "%s"', (folder, project, name) => {
    const text = `services: {web: {${image}}}`;
    expect(
      modelOf({ files: [`${folder}/compose.yaml`], project, host: inMemory({ [`${folder}/compose.yaml`]: text }) })
        .name,
    ).toBe(name);
  });

  it('takes variables from the caller before the file .env', () => {
    const host = inMemory({
      '/a/.env': 'TAG=file\nOTHER=file',
      '/a/c.yaml': 'services: {web: {image: "web:${TAG}-${OTHER}"}}',
    });
    expect(modelOf({ files: ['/a/c.yaml'], environment: { TAG: 'caller' }, host }).services['web']?.image).toBe(
      'web:caller-file',
    );
  });

  it('a mapping merged with "<<" keeps its own keys and shows a slip at the line of the anchor', () => {
    const text = `x-base: &base\n  imag: a\n  user: "1"\nservices:\n  web:\n    <<: *base\n    image: b\n    user: "2"\n`;
    const found = problemsOf(memory(text));
    expect(found.map(({ facts }) => [facts['line'], facts['key']])).toEqual([[2, 'services.web.imag']]);
  });

  it('takes labels for x-minke, with dots for nesting and commas for lists', () => {
    const text = `services:\n  web:\n    ${image}\n    labels: {minke.function: task, minke.may-run: "web,db", team: x}\n  db: {${image}}\n`;
    expect(modelOf(memory(text)).services['web']).toMatchObject({
      kind: 'task',
      mayRun: ['web', 'db'],
      labels: { team: 'x' },
    });
  });

  it('refuses a key that x-minke and a label say differently', () => {
    const text = `services:\n  web:\n    ${image}\n    x-minke: {function: cgi, retries: {max: 1}}\n    labels: [minke.function=task, minke.retries.max=2]\n`;
    expect(problemsOf(memory(text)).map(({ facts }) => facts['key'])).toEqual(
      expect.arrayContaining(['services.web.labels.minke.function', 'services.web.labels.minke.retries.max']),
    );
  });

  it('takes a key that x-minke and a label say alike', () => {
    const block = '{function: task, may-run: [web, db], retries: {max: 2}}';
    const labels = '{minke.function: task, minke.may-run: "web, db", minke.retries.max: "2"}';
    const text = `services:\n  web:\n    ${image}\n    x-minke: ${block}\n    labels: ${labels}\n  db: {${image}}\n`;
    expect(modelOf(memory(text)).services['web']).toMatchObject({
      kind: 'task',
      mayRun: ['web', 'db'],
      retries: { max: 2 },
    });
  });

  it.each([
    ['http', '{}', { scale: { maxInstances: 20, idleMs: 60_000 }, queueMax: 1000, concurrency: 100 }],
    [
      'http',
      '{scale: {min: 0, max: 3, idle: 1s, spare: 0}, queue: {max: 0}}',
      { scale: { maxInstances: 3, idleMs: 1000 }, queueMax: 0 },
    ],
    ['http', '{scale: {idle: 5m}}', { scale: { maxInstances: 20, idleMs: 300_000 }, queueMax: 1000 }],
    ['cgi', '{queue: {max: 7}}', { scale: undefined, queueMax: 7 }],
    ['cgi', '{}', { scale: undefined, queueMax: undefined }],
  ])('reads how far a function of kind %s with %s may grow', (kind, block, expected) => {
    const keys = block.slice(1, -1);
    const text = `services:\n  web:\n    ${image}\n    x-minke: {function: ${kind}${keys === '' ? '' : `, ${keys}`}}\n`;
    const web = modelOf(memory(text)).services['web'];
    expect({ ...web, scale: web?.scale, queueMax: web?.queueMax }).toMatchObject(expected);
  });

  it.each([
    ['{min: 0}', 60_000],
    ['{min: 0, max: 1, idle: 5s}', 5000],
  ])('reads scale: %s of a service, which its first connection starts', (scale, idleMs) => {
    const text = `services:\n  db:\n    ${image}\n    expose: ["5432"]\n    x-minke: {scale: ${scale}}\n`;
    expect(modelOf(memory(text)).services['db']?.scale).toEqual({ maxInstances: 1, idleMs });
  });

  it('refuses ports of the host for a service that its first connection starts', () => {
    const text = `services:\n  db:\n    ${image}\n    ports: ["5432:5432"]\n    x-minke: {scale: {min: 0}}\n`;
    expect(problemsOf(memory(text)).map(({ code, facts }) => [code, facts['key']])).toEqual([
      ['APP_FILE_UNSUPPORTED_KEY', 'services.db.ports'],
    ]);
  });

  it.each(['service_healthy', 'service_completed_successfully'])(
    'refuses to wait until a service that its first connection starts is %s',
    (condition) => {
      const needs = `depends_on: {db: {condition: ${condition}}}`;
      const db = `  db:\n    ${image}\n    expose: ["5432"]\n    x-minke: {scale: {min: 0}}\n`;
      const [problem, ...others] = problemsOf(memory(`services:\n${db}  api:\n    ${image}\n    ${needs}\n`));
      expect(problem?.message).toContain('"db" is on demand: it is started whenever it is called');
      expect(others).toEqual([]);
    },
  );

  it('refuses a service that its first connection starts where nothing says when it is ready', () => {
    const found = problemsOf(memory(`services:\n  db:\n    ${image}\n    x-minke: {scale: {min: 0}}\n`));
    expect(found.map(({ message }) => message).join()).toContain('without a port');
  });

  it.each([
    ['function: cgi, scale: {max: 2}', 'scale'],
    ['function: task, queue: {max: 2}', 'queue'],
    ['function: cgi, retries: {max: 1}', 'retries'],
    ['function: http, schedule: "@hourly"', 'schedule'],
    ['retries: {max: 1}', 'retries'],
    ['scale: {min: 0, max: 5}', 'scale.max'],
    ['scale: {min: 1}', 'scale.min'],
    ['scale: {idle: 5s}', 'scale'],
  ])('refuses {%s}, which does not fit', (block, key) => {
    const found = problemsOf(memory(`services:\n  web:\n    ${image}\n    x-minke: {${block}}\n`));
    expect(found.map(({ code, facts }) => [code, facts['key']])).toContainEqual([
      'APP_FILE_UNSUPPORTED_KEY',
      `services.web.x-minke.${key}`,
    ]);
  });

  it('reads how often a task is tried, with a default for each of its keys', () => {
    const read = (block: string) => memory(`services:\n  work:\n    ${image}\n    x-minke: {function: task${block}}\n`);
    const retriesOf = (block: string): unknown => modelOf(read(block)).services['work']?.retries;
    const day = 24 * 60 * 60 * 1000;
    expect(retriesOf('')).toEqual({ max: 0, firstMs: 1000, longestMs: 60_000, maxAgeMs: day });
    expect(retriesOf(', retries: {max: 3}')).toEqual({ max: 3, firstMs: 1000, longestMs: 60_000, maxAgeMs: day });
    expect(retriesOf(', retries: {max: 3, backoff: 5s..2m, max-age: 1h}')).toEqual({
      max: 3,
      firstMs: 5000,
      longestMs: 120_000,
      maxAgeMs: 3_600_000,
    });
    for (const [wrong, key] of [
      ['max: 101', 'max'],
      ['backoff: 1m', 'backoff'],
      ['backoff: 2m..1m', 'backoff'],
      ['max-age: soon', 'max-age'],
    ]) {
      const found = problemsOf(read(`, retries: {${wrong}}`));
      expect(found.map(({ facts }) => facts['key'])).toEqual([`services.work.x-minke.retries.${key}`]);
    }
  });

  it('reads when a task runs by itself, as a line, with a time zone before it, or key by key', () => {
    const read = (text: string) =>
      memory(`services:\n  work:\n    ${image}\n    x-minke: {function: task, schedule: ${text}}\n`);
    const plain = { timeZone: 'UTC', overlap: 'forbid', missed: 'once', args: [] };
    const schedulesOf = (text: string): unknown => modelOf(read(text)).services['work']?.schedules;
    expect(schedulesOf('"0,30 * * * *"')).toEqual([{ ...plain, cron: '0,30 * * * *' }]);
    expect(schedulesOf('["@daily", "CRON_TZ=Europe/Berlin 0 8 * * MON-FRI"]')).toEqual([
      { ...plain, cron: '@daily' },
      { ...plain, cron: '0 8 * * MON-FRI', timeZone: 'Europe/Berlin' },
    ]);
    expect(
      schedulesOf('{cron: "@hourly", time-zone: Asia/Tokyo, overlap: replace, missed: all, args: "clean up"}'),
    ).toEqual([{ cron: '@hourly', timeZone: 'Asia/Tokyo', overlap: 'replace', missed: 'all', args: ['clean', 'up'] }]);
    for (const [wrong, key] of [
      ['"* * * *"', 'schedule'],
      ['["@daily", "61 * * * *"]', 'schedule[1]'],
      ['{cron: "0 0 31 2 *"}', 'schedule.cron'],
      ['{cron: "@daily", time-zone: Mars/Base}', 'schedule.cron'],
      ['{cron: "@daily", overlap: never}', 'schedule.overlap'],
      ['{time-zone: UTC}', 'schedule'],
    ] as const) {
      const found = problemsOf(read(wrong));
      expect(found.map(({ facts }) => facts['key'])).toEqual([`services.work.x-minke.${key}`]);
    }
  });

  it('takes the engine of a service, and that of the whole app for all that say nothing else', () => {
    const services = `services:\n  db: {${image}}\n  web: {${image}, x-minke: {engine: sandbox}}\n`;
    const enginesOf = (text: string): readonly unknown[] =>
      Object.values(modelOf(memory(text)).services).map(({ engine }) => engine);
    expect(enginesOf(services)).toEqual([undefined, 'sandbox']);
    expect(enginesOf(`${services}x-minke: {engine: docker}\n`)).toEqual(['docker', 'sandbox']);
  });

  it.each([
    ['waiting-page: true', 'waiting-page'],
    ['engine: swarm', 'engine'],
    ['reuse: false', 'reuse'],
    ['scale: {min: 1, max: 20}', 'scale.min'],
    ['scale: {target: 70%}', 'scale.target'],
    ['scale: {spare: 2}', 'scale.spare'],
    ['scale: {cpu: 70%}', 'scale.cpu'],
    ['scale: {memory: 80%}', 'scale.memory'],
    ['scale: {step: 1}', 'scale.step'],
    ['scale: {cooldown: 60s}', 'scale.cooldown'],
    ['handoff: {mode: hold, slow: wait, long: keep}', 'handoff'],
  ])('refuses %s, which comes later, and does not pass over it', (line, key) => {
    const found = problemsOf(
      memory(`services:\n  web:\n    ${image}\n    x-minke:\n      function: http\n      ${line}\n`),
    );
    expect(found.map(({ code, facts }) => [code, facts['key'], facts['line']])).toEqual([
      ['APP_FILE_UNSUPPORTED_KEY', `services.web.x-minke.${key}`, 6],
    ]);
  });

  it.each([
    ['scale: {min: 3, max: 2}', 'scale.min'],
    ['scale: {max: 0}', 'scale.max'],
    ['scale: {idle: 60}', 'scale.idle'],
    ['scale: {target: 170%}', 'scale.target'],
    ['handoff: {mode: old}', 'handoff.mode'],
    ['queue: {maximum: 1}', 'queue.maximum'],
  ])('checks the shape of %s all the same', (line, key) => {
    const found = problemsOf(
      memory(`services:\n  web:\n    ${image}\n    x-minke:\n      function: http\n      ${line}\n`),
    );
    expect(found.map(({ facts }) => facts['key'])).toContain(`services.web.x-minke.${key}`);
  });

  it.each([
    [
      'a bomb of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
        .split('')
        .map((name, index) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[index]}`).join()}]`)
        .join('\n')}\n`,
    ],
    ['an anchor inside itself', 'a: &a {b: *a}\n'],
    ['brackets without end', '['.repeat(5000)],
    ['a file of 2 MiB', `# ${'x'.repeat(2 * 1024 ** 2)}\n`],
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['an alias of nothing', 'services: *nowhere\n'],
    ['a tag of nobody', 'services: !mine {}\n'],
    ['a list', '- services\n'],
  ])('answers %s with a problem of syntax', (_, text) => {
    expect(problemsOf(memory(text)).map(({ code }) => code)).toContain('APP_FILE_SYNTAX');
  });

  it('says which file is missing', () => {
    const [problem] = problemsOf({ files: ['/a/none.yaml'], host: inMemory({}) });
    expect(problem?.message).toBe('Cannot find an app file: there is no /a/none.yaml');
  });
});
