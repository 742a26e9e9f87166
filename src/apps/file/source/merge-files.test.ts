import { describe, expect, it } from 'vitest';
import { createProblems } from '../problems.ts';
import type { MapNode, Node } from '../node.ts';
import { readYaml } from '../read-yaml.ts';
import { mergeFiles } from './merge-files.ts';

/** One key of a service in two files, and what becomes of it. */
const table: readonly (readonly [key: string, base: string, later: string, merged: unknown])[] = [
  ['image', 'a', 'b', 'b'],
  ['command', '[a, b]', '[c]', ['c']],
  ['entrypoint', 'a', '[b]', ['b']],
  ['healthcheck', '{test: [CMD, a], retries: 1}', '{test: [CMD, b]}', { test: ['CMD', 'b'], retries: '1' }],
  ['environment', '{A: 1, B: 1}', '[B=2, C]', { A: '1', B: '2', C: null }],
  ['labels', '[a=1]', '{b: 2}', { a: '1', b: '2' }],
  [
    'depends_on',
    '[db]',
    '{cache: {condition: service_started}}',
    { db: null, cache: { condition: 'service_started' } },
  ],
  ['networks', '[front]', '{back: {aliases: [x]}}', { front: null, back: { aliases: ['x'] } }],
  ['sysctls', '[a=1]', '{a: 2}', { a: '2' }],
  ['extra_hosts', '["a:10.0.0.1", "b=10.0.0.2"]', '{a: 10.0.0.3}', { a: '10.0.0.3', b: '10.0.0.2' }],
  ['build', './a', '{target: dev}', { context: './a', target: 'dev' }],
  ['build', '{context: a, args: [A=1]}', '{args: {B: 2}}', { context: 'a', args: { A: '1', B: '2' } }],
  ['expose', '["80"]', '["80", "81"]', ['80', '81']],
  [
    'ports',
    '["8080:80"]',
    '[{target: 80, published: 8080}, {target: 81}]',
    [{ target: '80', published: '8080' }, { target: '81' }],
  ],
  ['ports', '["8080:80"]', '["9090:80"]', ['8080:80', '9090:80']],
  ['volumes', '["a:/x", "b:/y"]', '["./c:/x:ro"]', ['b:/y', './c:/x:ro']],
  ['volumes', '["a:/x"]', '[{type: tmpfs, target: /x}]', [{ type: 'tmpfs', target: '/x' }]],
  ['secrets', '[a, b]', '[{source: a, target: a, mode: "0400"}]', ['b', { source: 'a', target: 'a', mode: '0400' }]],
  ['env_file', 'a.env', '[b.env]', ['a.env', 'b.env']],
  ['dns', '1.1.1.1', '9.9.9.9', ['1.1.1.1', '9.9.9.9']],
  ['tmpfs', '/a', '[/b]', ['/a', '/b']],
  ['logging', '{driver: a, options: {x: 1}}', '{options: {y: 2}}', { driver: 'a', options: { x: '1', y: '2' } }],
  ['logging', '{driver: a, options: {x: 1}}', '{driver: b}', { driver: 'b' }],
  [
    'deploy',
    '{resources: {limits: {cpus: 1}}}',
    '{resources: {limits: {memory: 1g}}}',
    { resources: { limits: { cpus: '1', memory: '1g' } } },
  ],
  ['ports', '["80"]', '!reset []', undefined],
  ['ports', '["80"]', '!override ["81"]', ['81']],
  ['environment', '{A: 1}', '!override {B: 2}', { B: '2' }],
  ['environment', '{A: 1}', '{A: !reset null}', {}],
  ['environment', '{A: 1}', '', { A: '1' }],
  ['x-minke', '{route: /a, timeout: 1s}', '{route: /b}', { route: '/b', timeout: '1s' }],
];

describe('two files', () => {
  it.each(table)('CO-5 %s: %s and %s', (key, base, later, merged) => {
    const [first, second] = [`services: {web: {${key}: ${base}}}`, `services: {web: {${key}: ${later}}}`];
    const service = plain(mergeFiles(tree(first), tree(second))) as { services: { web: Record<string, unknown> } };
    expect(service.services.web[key]).toEqual(merged);
  });

  it.each(table)(
    '%s: %s stays as it is beside a file that does not speak of it, before it or after it',
    (key, base) => {
      const [file, other] = [tree(`services: {web: {${key}: ${base}}}`), tree('services: {web: {}, db: {image: a}}')];
      for (const merged of [mergeFiles(file, other), mergeFiles(other, file)]) {
        expect(plain(merged)).toMatchObject(plain(file) as object);
      }
    },
  );

  it.each(table)('%s: %s said twice is said once', (key, base) => {
    const file = tree(`services: {web: {${key}: ${base}}}`);
    const [once, twice] = [mergeFiles(file, file), mergeFiles(mergeFiles(file, file), file)];
    expect(plain(twice)).toEqual(plain(once));
  });

  it('merge a service by what it is, whatever its name', () => {
    const [first, second] = ['a', 'b'].map((image) => tree(`services: {command: {image: ${image}, user: root}}`));
    expect(plain(mergeFiles(first!, tree('services: {command: {image: b}}')))).toEqual({
      services: { command: { image: 'b', user: 'root' } },
    });
    expect(plain(mergeFiles(first!, second!))).toEqual(plain(second!));
  });
});

function tree(text: string): MapNode {
  const whole = { file: 'compose.yaml', folder: '/a', line: 1, path: '' };
  const problems = createProblems();
  const node = readYaml({ whole, text }, (one) => one, problems);
  expect(problems.found()).toEqual([]);
  if (node?.kind !== 'map') throw new Error(text);
  return node;
}

function plain(node: Node): unknown {
  if (node.kind === 'scalar') return node.isNull ? null : node.text;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]));
}
