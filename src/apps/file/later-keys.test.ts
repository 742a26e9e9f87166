import { describe, expect, it } from 'vitest';
import { memory, modelOf, problemsOf, warningsOf } from '../testing/app-file.ts';
import { createProblems } from './problems.ts';
import { fieldsOf } from './fields.ts';
import type { Node } from './node.ts';
import { readDependencies } from './read-dependencies.ts';
import { readHealthcheck } from './read-healthcheck.ts';
import { readPortMapping } from './read-ports.ts';
import { readRestart } from './read-restart.ts';
import { readYaml } from './read-yaml.ts';

describe('a check of health', () => {
  it.each<[string, unknown]>([
    ['test: pg_isready -q', { test: ['/bin/sh', '-c', 'pg_isready -q'] }],
    ['test: [CMD, pg_isready, -q]', { test: ['pg_isready', '-q'] }],
    ['test: [CMD-SHELL, "a && b"]', { test: ['/bin/sh', '-c', 'a && b'] }],
    ['test: [NONE]', 'none'],
    ['disable: true', 'none'],
    ['{test: a, disable: false, retries: 5}', { test: ['/bin/sh', '-c', 'a'], retries: 5 }],
    [
      '{interval: 1m30s, timeout: 5s, start_period: 0s, start_interval: 500ms}',
      { intervalMs: 90_000, timeoutMs: 5000, startPeriodMs: 0, startIntervalMs: 500 },
    ],
  ])('%s is read', (text, model) => {
    const problems = createProblems();
    expect([readHealthcheck(yaml(text), problems), problems.found()]).toEqual([model, []]);
  });

  it.each([
    ['test: []', 'test'],
    ['test: [curl, localhost]', 'test'],
    ['test: [CMD-SHELL, a, b]', 'test'],
    ['{test: a, disable: true}', 'disable'],
    ['interval: 10', 'interval'],
    ['retries: 0', 'retries'],
    ['start_perod: 10s', 'start_perod'],
  ])('%s is refused', (text, key) => {
    const problems = createProblems();
    readHealthcheck(yaml(text), problems);
    expect(problems.found().map(({ facts }) => facts['key'])).toEqual([key]);
  });
});

describe('what a service depends on', () => {
  it('has a condition, is required, and is not restarted with it, unless the file says otherwise', () => {
    const text = '{a: , b: {condition: service_healthy}, c: {required: false, restart: true}}';
    expect(readDependencies(yaml(text), createProblems())?.map(({ model }) => model)).toEqual([
      { name: 'a', condition: 'service_started', required: true, restart: false },
      { name: 'b', condition: 'service_healthy', required: true, restart: false },
      { name: 'c', condition: 'service_started', required: false, restart: true },
    ]);
  });

  const two = (web: string, db: string): ReturnType<typeof memory> =>
    memory(`services:\n  db: {image: a, ${db}}\n  web:\n    image: a\n    ${web}\n`);
  const awaits = 'depends_on: {db: {condition: service_completed_successfully}}';

  it('is not started again by itself where its end is waited for, unless the file says so', () => {
    expect(modelOf(two(awaits, 'tty: false')).services['db']?.restart).toBe('no');
    expect(modelOf(two(awaits, 'restart: on-failure')).services['db']?.restart).toBe('on-failure');
    expect(modelOf(two('depends_on: [db]', 'tty: false')).services['db']?.restart).toBe('always');
  });

  it.each([
    [awaits, 'restart: always', 'services.db.restart'],
    [awaits, 'x-minke: {function: task}', 'services.web.depends_on.db.condition'],
    [
      'depends_on: {db: {condition: service_healthy}}',
      'x-minke: {function: cgi}',
      'services.web.depends_on.db.condition',
    ],
    [`${awaits}\n    x-minke: {function: cgi}`, 'tty: false', 'services.web.depends_on.db.condition'],
    [
      'depends_on: {db: {restart: true}}\n    x-minke: {function: cgi}',
      'tty: false',
      'services.web.depends_on.db.restart',
    ],
  ])('%s on %s is refused', (web, db, key) => {
    expect(problemsOf(two(web, db)).map(({ facts }) => facts['key'])).toEqual([key]);
  });

  it('is no matter of health for a function: a warning says so', () => {
    const found = warningsOf(memory(services('healthcheck: {test: a}\n    x-minke: {function: cgi}')));
    expect(found.map(({ facts }) => facts['key'])).toEqual(['services.web.healthcheck']);
  });

  it('may be absent where it is not required', () => {
    const text = services('depends_on: {none: {required: false}}');
    expect(problemsOf(memory(text))).toEqual([]);
  });
});

describe('a restart policy', () => {
  it.each<[string, unknown]>([
    ['restart: always', { policy: 'always', bounds: {} }],
    ['restart: on-failure:3', { policy: 'on-failure', bounds: { maxAttempts: 3 } }],
    ['deploy: {restart_policy: {}}', { policy: 'always', bounds: {} }],
    ['deploy: {restart_policy: {condition: none}}', { policy: 'no', bounds: {} }],
    [
      'deploy: {restart_policy: {condition: on-failure, delay: 5s, max_attempts: 2, window: 1m}}',
      { policy: 'on-failure', bounds: { maxAttempts: 2, delayMs: 5000, windowMs: 60_000 } },
    ],
  ])('%s is read', (text, expected) => {
    const problems = createProblems();
    const [service, deploy] = [fields(yaml(text)), fields(yaml(text)).node('deploy')];
    const read = readRestart(service, deploy === undefined ? undefined : fields(deploy), problems);
    expect([read, problems.found()]).toMatchObject([expected, []]);
  });

  it('is given once', () => {
    const found = problemsOf(memory(services('restart: always\n    deploy: {restart_policy: {condition: any}}')));
    expect(found.map(({ facts }) => facts['key'])).toEqual(['services.web.deploy.restart_policy']);
  });
});

describe('a published port', () => {
  it.each<[string, unknown]>([
    ['"8080:80"', [{ hostPorts: [8080, 8080], containerPort: 80, protocol: 'tcp' }]],
    ['"80"', [{ containerPort: 80, protocol: 'tcp' }]],
    ['"127.0.0.1::80"', [{ hostIp: '127.0.0.1', containerPort: 80, protocol: 'tcp' }]],
    ['"[::1]:53:53/udp"', [{ hostIp: '::1', hostPorts: [53, 53], containerPort: 53, protocol: 'udp' }]],
    ['"9000-9010:80"', [{ hostPorts: [9000, 9010], containerPort: 80, protocol: 'tcp' }]],
    [
      '"9000-9001:80-81"',
      [
        { hostPorts: [9000, 9000], containerPort: 80, protocol: 'tcp' },
        { hostPorts: [9001, 9001], containerPort: 81, protocol: 'tcp' },
      ],
    ],
    [
      '{target: 80, published: 8080-8090, host_ip: 127.0.0.1, protocol: tcp, mode: host, name: web}',
      [{ hostIp: '127.0.0.1', hostPorts: [8080, 8090], containerPort: 80, protocol: 'tcp' }],
    ],
  ])('%s is read', (text, published) => {
    const problems = createProblems();
    expect([readPortMapping(yaml(text), problems)?.published, problems.found()]).toEqual([published, []]);
  });

  it('leads to one service', () => {
    const text = (second: string): string =>
      `services:\n  one: {image: a, ports: ["8080:80"]}\n  two: {image: a, ports: ["${second}"]}\n`;
    expect(problemsOf(memory(text('8080:90'))).map(({ facts }) => facts['key'])).toEqual(['services.two.ports']);
    for (const other of ['8081:80', '8080:80/udp', '8080-8090:80', '80'])
      expect(problemsOf(memory(text(other)))).toEqual([]);
  });

  it('of a service without a network is refused', () => {
    const found = problemsOf(memory(services('network_mode: none\n    ports: ["80"]')));
    expect(found.map(({ facts }) => facts['key'])).toEqual(['services.web.ports']);
  });

  it.each(['"8000-8001:80-82"', '"0:80"', '"80/sctp"', '{target: 80, published: x}', '{target: 80, protocol: sctp}'])(
    '%s is refused',
    (text) => {
      const problems = createProblems();
      readPortMapping(yaml(text), problems);
      expect(problems.found()).toHaveLength(1);
    },
  );
});

describe('networks', () => {
  it('are the default one where a service names none', () => {
    const { networks, services: found } = modelOf(memory(services('')));
    expect(networks).toEqual({ default: { name: 'a_default', internal: false } });
    expect(found['web']?.networks).toEqual([{ network: 'default', aliases: [] }]);
  });

  it('have names of their own, and services names on them', () => {
    const text = `${services('networks: {back: {aliases: [www, www.internal]}}')}networks:\n  back: {driver: bridge, name: backbone}\n`;
    const { networks, services: found } = modelOf(memory(text));
    expect(networks['back']).toEqual({ name: 'backbone', internal: false });
    expect(found['web']?.networks).toEqual([{ network: 'back', aliases: ['www', 'www.internal'] }]);
  });

  it('may be internal', () => {
    const text = `${services('networks: [net]')}networks:\n  net: {internal: true}\n`;
    expect(modelOf(memory(text)).networks['net']).toEqual({ name: 'a_net', internal: true });
  });

  it('may call different services the same, if no network calls two of them so', () => {
    const text = (network: string): string =>
      `services:\n  one: {image: a, networks: {front: {aliases: [store]}}}\n  two: {image: a, networks: {${network}: {aliases: [store]}}}\nnetworks: {front: , back: }\n`;
    expect(problemsOf(memory(text('back')))).toEqual([]);
    expect(problemsOf(memory(text('front'))).map(({ facts }) => facts['key'])).toEqual(['services.two.networks.front']);
  });

  it('may be none at all', () => {
    expect(modelOf(memory(services('network_mode: none'))).services['web']?.networks).toEqual([]);
  });

  it.each([
    ['network_mode: host', 'services.web.network_mode'],
    ['network_mode: "service:db"', 'services.web.network_mode'],
    ['networks: [nowhere]', 'services.web.networks[0]'],
    ['networks: {default: {ipv4_address: 10.1.2.3}}', 'services.web.networks.default.ipv4_address'],
    ['networks: {default: {aliases: ["no name"]}}', 'services.web.networks.default.aliases[0]'],
  ])('%s is refused', (line, key) => {
    expect(problemsOf(memory(services(line))).map(({ facts }) => facts['key'])).toEqual([key]);
  });

  it.each([
    ['{external: true}', 'networks.net.external'],
    ['{external: {name: other}}', 'networks.net.external'],
    ['{driver: macvlan}', 'networks.net.driver'],
    ['{ipam: {}}', 'networks.net.ipam'],
  ])('%s at the top level is refused', (value, key) => {
    const text = `${services('')}networks:\n  net: ${value}\n`;
    expect(problemsOf(memory(text)).map(({ facts }) => facts['key'])).toEqual([key]);
  });
});

describe('a key that is read and not carried out yet', () => {
  it.each([['ports: ["[::1]:8080:80"]', 'services.web.ports']])('%s is refused in one place', (line, key) => {
    const text = `services:\n  db: {image: a}\n  web:\n    image: a\n    ${line}\nnetworks: {other: }\n`;
    const found = problemsOf(memory(text));
    expect(found.map(({ code, facts }) => [code, facts['key']])).toContainEqual(['APP_FILE_UNSUPPORTED_KEY', key]);
    expect(found).toHaveLength(1);
  });
});

const services = (line: string): string => `services:\n  web:\n    image: acme/web\n    ${line}\n`;

function yaml(text: string): Node {
  const node = readYaml(
    { whole: { file: 'a.yaml', folder: '/a', line: 1, path: '' }, text },
    (one) => one,
    createProblems(),
  );
  if (node === undefined) throw new Error(text);
  return node;
}

function fields(node: Node) {
  if (node.kind !== 'map') throw new Error('it is no mapping');
  return fieldsOf(node, createProblems());
}
