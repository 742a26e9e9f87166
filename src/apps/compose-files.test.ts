import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AppModel } from '../model/app.ts';
import type { LoadOptions } from './load-app.ts';
import { modelOf, problemsOf, warningsOf } from './testing/app-file.ts';

const folder = join(import.meta.dirname, '../../test/fixtures/compose');

interface Expectation {
  readonly files: readonly string[];
  readonly options?: Partial<LoadOptions>;
  readonly warnings?: readonly string[];
  readonly services: readonly string[];
}

const shapes: Readonly<Record<string, Expectation>> = {
  'three-tier': { files: ['compose.yaml'], services: ['web', 'api', 'db'] },
  'profiles-and-secrets': {
    files: ['compose.yaml'],
    options: { environment: { LEDGER_API_KEY: 'k' } },
    services: ['app', 'db', 'migrate'],
  },
  'version-one': {
    files: ['docker-compose.yml'],
    warnings: ['worker.log_driver'],
    services: ['web', 'worker', 'cache', 'db'],
  },
  'version-two': { files: ['docker-compose.yml'], services: ['vote', 'result', 'worker', 'redis', 'db'] },
  'extends-and-include': {
    files: ['compose.yaml', 'compose.override.yaml'],
    warnings: ['services.base.logging'],
    services: ['web', 'batch', 'db'],
  },
  'internal-network': { files: ['compose.yaml'], services: ['proxy', 'app', 'db'] },
  'wordpress-mysql': { files: ['docker-compose.yml'], services: ['db', 'wordpress'] },
  stack: {
    files: ['docker-stack.yml'],
    warnings: [
      'services.agent.logging',
      'services.api.deploy.endpoint_mode',
      'services.api.deploy.placement',
      'services.api.deploy.rollback_config',
      'services.api.deploy.update_config',
      'services.api.logging',
    ],
    services: ['api', 'agent'],
  },
  queue: { files: ['compose.yaml'], services: ['queue', 'worker'] },
  monitoring: { files: ['compose.yml'], services: ['collector', 'boards'] },
  development: {
    files: ['compose.yaml'],
    warnings: ['services.app.attach', 'services.app.develop', 'services.app.tty'],
    services: ['app'],
  },
};

describe('Compose files of well-known shapes', () => {
  it('are each looked at', () => {
    expect(readdirSync(folder).toSorted()).toEqual(Object.keys(shapes).toSorted());
  });

  it.each(Object.entries(shapes))('CO-1 %s loads unmodified', (name) => {
    expect(problemsOf(shape(name)).map(({ code, facts }) => [code, facts['key']])).toEqual([]);
  });

  it.each(Object.entries(shapes))(
    'CO-1 %s has its services, and says what it does not get',
    (name, { services, warnings = [] }) => {
      expect(Object.keys(model(name).services)).toEqual(services);
      const keys = new Set(warningsOf(shape(name)).map(({ facts }) => String(facts['key'])));
      expect(keys).toEqual(new Set(warnings));
    },
  );

  it('CO-1 version-one: links lead to names, volumes of others are shared, named volumes belong to the app', () => {
    const { services, volumes } = model('version-one');
    expect(services['web']).toMatchObject({
      settings: { links: { database: 'db' } },
      dependsOn: [{ name: 'cache' }, { name: 'db' }],
      limits: { memoryBytes: 256 * 1024 ** 2 },
    });
    expect(services['worker']?.mounts).toEqual([
      { type: 'bind', source: join(folder, 'version-one/web'), target: '/code', readOnly: true },
    ]);
    expect(volumes).toEqual({ dbdata: { name: 'version-one_dbdata', external: false } });
  });

  it('CO-4 internal-network: who is on which, under which names', () => {
    const { services, networks } = model('internal-network');
    expect(networks).toMatchObject({ outside: { internal: false }, inside: { internal: true } });
    expect(services['proxy']?.networks.map(({ network }) => network)).toEqual(['outside', 'inside']);
    expect(services['app']?.networks).toEqual([{ network: 'inside', aliases: ['backend.local'] }]);
  });

  it('CO-5 extends-and-include: what is extended lies beneath, what is included stands beside, and an override counts last', () => {
    const { web, batch, db } = model('extends-and-include').services;
    const common = { TZ: 'UTC', FROM_FILE: 'common' };
    expect(web).toMatchObject({
      environment: { ...common, LEVEL: 'debug', ROLE: 'web' },
      restart: 'on-failure',
      limits: { memoryBytes: 256 * 1024 ** 2, cpus: 0.5 },
    });
    expect(batch).toMatchObject({
      environment: { ...common, LEVEL: 'info', ROLE: 'batch' },
      command: ['node', 'batch.mjs'],
      dependsOn: [{ name: 'db' }],
    });
    expect(db).toMatchObject({ image: 'postgres:17', labels: { owner: 'shop' } });
    expect(db?.mounts[0]?.source).toBe(join(folder, 'extends-and-include/database/init'));
    expect(model('extends-and-include').volumes).toEqual({ data: { name: 'shop-database', external: false } });
  });

  it('CO-5 development: an active profile, an env file, a variable that is nowhere set', () => {
    const { services } = modelOf({ ...shape('development'), profiles: ['mail'] });
    expect(Object.keys(services)).toEqual(['app', 'mail']);
    expect(services['app']).toMatchObject({
      environment: { COLOUR: 'green', NODE_ENV: 'development' },
      stdinOpen: true,
    });
    expect(services['app']?.environment).not.toHaveProperty('HOSTNAME_OVERRIDE');
  });

  it('CO-1 monitoring: the long and the short forms of mounts, labels and names', () => {
    const { services, configs } = model('monitoring');
    expect(services['collector']).toMatchObject({
      grants: [{ kind: 'config', source: 'prometheus', target: '/etc/prometheus/prometheus.yml' }],
      settings: {
        groups: ['999'],
        extraHosts: [{ name: 'target.example.com', address: '192.0.2.20' }],
        oomScoreAdj: 200,
      },
    });
    expect(configs['prometheus']).toEqual({ from: 'file', path: join(folder, 'monitoring/prometheus.yml') });
    expect(services['boards']).toMatchObject({
      labels: { team: 'watch', tier: 'boards' },
      published: [{ hostIp: '127.0.0.1', hostPorts: [3000, 3000], containerPort: 3000, protocol: 'tcp' }],
    });
  });
});

function shape(name: string): Partial<LoadOptions> {
  const { files, options } = shapes[name] ?? { files: [] };
  return { files: files.map((file) => join(folder, name, file)), ...options };
}

const model = (name: string): AppModel => modelOf(shape(name));
