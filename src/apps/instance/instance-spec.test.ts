import { describe, expect, it } from 'vitest';
import type { AppModel, ServiceModel } from '../../model/app.ts';
import { newId } from '../../model/ids.ts';
import type { ReadyImage } from '../../model/instance.ts';
import { programToPack } from './argv.ts';
import { configDigest } from './config-digest.ts';
import { emptyApp, imageTarget } from './image-target.ts';
import { instanceSpec, portOf, type SpecExtras } from './instance-spec.ts';

const app: AppModel = {
  ...emptyApp('shop', '/srv/shop'),
  volumes: { data: { name: 'shop_data', external: false } },
};
const extras: SpecExtras = { id: newId(), volumePath: (name) => `/var/volumes/${name}` };

describe('the command line of an instance', () => {
  const from = { entrypoint: ['/entry'], command: ['serve'] };
  it.each<[string, Partial<ServiceModel>, string[], string[]]>([
    ["is the image's own", {}, [], ['/entry', 'serve']],
    ["has the file's command behind the image's entry point", { command: ['web'] }, [], ['/entry', 'web']],
    ["has the image's command taken away by an entry point", { entrypoint: ['/mine'] }, [], ['/mine']],
    ['is entry point and command of the file', { entrypoint: ['/mine'], command: ['web'] }, [], ['/mine', 'web']],
    ['has no entry point where the file empties it', { entrypoint: [] }, [], ['serve']],
    ['takes arguments in the place of the command', { command: ['web'] }, ['a', 'b'], ['/entry', 'a', 'b']],
  ])('%s', (_, service, args, argv) => {
    expect(instanceSpec(app, make(service), image(from), { ...extras, args }).argv).toEqual(argv);
  });

  it('of a packed folder is the program as packed, with the arguments behind it', () => {
    const packed = make({ build: { context: '/srv/shop/record', args: {} }, command: ['node', 'main.ts'] });
    const spec = instanceSpec(app, packed, image({ command: ['node', 'main.js'] }), {
      ...extras,
      args: ['voter', 'a'],
    });
    expect(spec.argv).toEqual(['node', 'main.js', 'voter', 'a']);
  });

  it('of a packed folder is handed to the packing whole, entry point and command', () => {
    expect(programToPack(make({ entrypoint: ['sh', '-c'], command: ['x'] }))).toEqual(['sh', '-c', 'x']);
    expect(programToPack(make({}))).toEqual([]);
  });

  it("is that of the run's own entry point", () => {
    const options = { entrypoint: ['/bin/sh', '-c'] };
    expect(instanceSpec(app, make({}), image(from), { ...extras, args: ['id'], options }).argv).toEqual([
      '/bin/sh',
      '-c',
      'id',
    ]);
  });

  it('fails where there is nothing to run', () => {
    expect(() => instanceSpec(app, make({}), image({}), extras)).toThrow(
      expect.objectContaining({ code: 'IMAGE_INVALID' }),
    );
  });
});

describe('the environment of an instance', () => {
  const config = { command: ['x'], env: { PATH: '/bin', LEVEL: 'image', PORT: '1' }, exposedPorts: [9000] };

  it("is the image's, under the file's, under the run's, under minke's own", () => {
    const service = make({ kind: 'http', environment: { LEVEL: 'file', COLOUR: 'file', MINKE_APP: 'forged' } });
    const run = { id: newId(), attempt: 2 };
    const more = { env: { COLOUR: 'run' }, run, deadlineAt: 1234.6 };
    expect(instanceSpec(app, service, image(config), { ...extras, ...more }).env).toEqual({
      PATH: '/bin',
      LEVEL: 'file',
      COLOUR: 'run',
      PORT: '9000',
      MINKE_APP: 'shop',
      MINKE_NAME: 'web',
      MINKE_INSTANCE: extras.id,
      MINKE_RELEASE: '1',
      MINKE_RUN: run.id,
      MINKE_ATTEMPT: '2',
      MINKE_DEADLINE: '1235',
    });
  });

  it.each<[ServiceModel['kind'], Record<string, string>, Record<string, string>, string | undefined]>([
    ['service', {}, {}, '9000'],
    ['service', { PORT: '1' }, {}, '1'],
    ['service', { PORT: '1' }, { PORT: '2' }, '2'],
    ['http', { PORT: '1' }, { PORT: '2' }, '9000'],
    ['task', {}, {}, undefined],
    ['cgi', {}, { PORT: '2' }, '2'],
  ])('of a %s whose image says %j and whose file says %j has the port %s', (kind, env, environment, port) => {
    const ready = image({ ...config, env });
    expect(instanceSpec(app, make({ kind, environment }), ready, extras).env['PORT']).toBe(port);
  });

  it.each([
    ['may run others', { mayRun: ['record'] }, 'unix:///run/minke/minke.sock'],
    ['asks for the API', { api: true }, 'unix:///run/minke/minke.sock'],
    ['does neither', {}, undefined],
  ])('DR-11 names the door where the service %s', (_, service, url) => {
    const { env } = instanceSpec(app, make(service), image(config), extras);
    expect([env['MINKE_API'], env['DOCKER_HOST']]).toEqual([url, url]);
  });
});

describe('an instance', () => {
  it('finds volumes as folders, and at each path the mount that counts most', () => {
    const service = make({
      mounts: [
        { type: 'volume', source: 'data', target: '/data', readOnly: false },
        { type: 'bind', source: '/etc/hosts', target: '/hosts', readOnly: true },
        { type: 'tmpfs', target: '/run/minke', readOnly: false, sizeBytes: 1024 },
      ],
    });
    const options = { mounts: [{ type: 'volume' as const, source: 'loose', target: '/hosts', readOnly: false }] };
    const door = { type: 'bind' as const, source: '/run/doors/1', target: '/run/minke', readOnly: true };
    expect(
      instanceSpec(app, service, image({ command: ['x'] }), { ...extras, options, mounts: [door] }).mounts,
    ).toEqual([
      { type: 'bind', source: '/var/volumes/shop_data', target: '/data', readOnly: false },
      { type: 'bind', source: '/var/volumes/loose', target: '/hosts', readOnly: false },
      door,
    ]);
  });

  it('of cgi speaks through pipes, others into logs', () => {
    const streams = (['cgi', 'task', 'service'] as const).map((kind) => {
      const spec = instanceSpec(app, make({ kind }), image({ command: ['x'] }), extras);
      return [spec.streams, spec.stdin];
    });
    expect(streams).toEqual([
      ['pipes', 'open'],
      ['logs', 'none'],
      ['logs', 'none'],
    ]);
  });

  it('is on the networks of its service, and on none where that has none, whatever the options of its run say', () => {
    const ready = image({ command: ['x'] });
    const networks = ['front', 'back'].map((network) => ({ network, aliases: [] }));
    const options = { network: 'app' as const };
    expect(instanceSpec(app, make({ networks }), ready, extras)).toMatchObject({
      network: 'app',
      networks: ['back', 'front'],
    });
    expect(instanceSpec(app, make({ networks: [] }), ready, { ...extras, options })).toMatchObject({ network: 'none' });
  });

  it('is unprivileged with the image user, unless the options of its run say otherwise', () => {
    const ready = image({ command: ['x'], user: '1000', workdir: '/srv' });
    expect(instanceSpec(app, make({}), ready, extras)).toMatchObject({
      user: '1000',
      workdir: '/srv',
      hostname: extras.id.slice(0, 12),
      privileged: false,
      capAdd: [],
      pidNamespace: 'own',
      network: 'app',
    });
    const options = {
      user: '0',
      memoryBytes: 1024,
      privileged: true,
      pidNamespace: 'host' as const,
      readOnlyRoot: true,
    };
    expect(instanceSpec(app, make({}), ready, { ...extras, options })).toMatchObject({
      user: '0',
      privileged: true,
      pidNamespace: 'host',
      readOnlyRoot: true,
      limits: { memoryBytes: 1024, pids: 4096, cpus: 0 },
    });
  });

  it('carries the digest that the planner compares, and its labels cannot be forged', () => {
    const service = make({ labels: { team: 'web', 'minke.app': 'other' } });
    const ready = image({ command: ['x'], labels: { from: 'image' } });
    expect(instanceSpec(app, service, ready, extras).labels).toEqual({
      from: 'image',
      team: 'web',
      'minke.app': 'shop',
      'minke.name': 'web',
      'minke.kind': 'task',
      'minke.instance': extras.id,
      'minke.digest': configDigest(app, service, ready.id),
    });
  });

  it('has the port of the file, else of the image, else 8080 for http alone', () => {
    expect(portOf(make({ kind: 'http', ports: [3000] }), image({ exposedPorts: [80] }))).toBe(3000);
    expect(portOf(make({ kind: 'http' }), image({ exposedPorts: [80] }))).toBe(80);
    expect(portOf(make({ kind: 'http' }), image({}))).toBe(8080);
    expect(portOf(make({ kind: 'service' }), image({}))).toBeUndefined();
  });
});

const make = (more: Partial<ServiceModel>): ServiceModel => ({ ...imageTarget('web', 'acme/web'), ...more });

const image = (config: Partial<ReadyImage['config']>): ReadyImage => ({
  id: 'sha256:1',
  reference: 'acme/web',
  rootPath: '/roots/1',
  config: {
    entrypoint: [],
    command: [],
    env: {},
    workdir: '',
    user: '',
    exposedPorts: [],
    labels: {},
    volumes: [],
    ...config,
  },
});
