import { expect } from 'vitest';
import type { RunOptions } from '../model/run.ts';
import type { Sent } from './doors.fixture.ts';

/**
 * Requests with which a function might try to get out: the known holes of proxies for the Docker socket. Each is refused at
 * a function's door with the field named, and understood at the operator's: it works there, and what is made shows it, or
 * is answered 501 with the same field. So the refusal is policy and not absence.
 */
export interface Escape {
  readonly name: string;
  readonly sent: Sent;
  readonly field: string;
  readonly operator: Understood;
}

/** The operator's answer, and what was made. */
interface Understood {
  readonly status: number;
  readonly says: string;
  readonly made: readonly { readonly options?: RunOptions }[];
}

const shows = (options: RunOptions): Understood => ({ status: 201, says: '', made: [{ options }] });
const works: Understood = { status: 201, says: '', made: [{}] };
const answers: Understood = { status: 200, says: '', made: [] };
const unable = (status: number, says: string): Understood => ({ status, says, made: [] });

/** May be run by the function `vote`, and is an image at the operator's door. */
const image = 'acme/record:latest';
const create = '/v1.47/containers/create';

const raw = (name: string, field: string, body: string, operator: Understood, path = create): Escape => ({
  name,
  sent: { method: 'POST', path, body, headers: { 'Content-Type': 'application/json' } },
  field,
  operator,
});

const host = (
  field: string,
  value: unknown,
  operator: Understood,
  name = `${field} = ${JSON.stringify(value)}`,
): Escape =>
  raw(name, `HostConfig.${field}`, JSON.stringify({ Image: image, HostConfig: { [field]: value } }), operator);

/** Not possible for the operator either, and told so by name. */
const unsupportedHost = (field: string, value: unknown): Escape =>
  host(field, value, unable(501, `HostConfig.${field} is not supported`));

const namelessVolume = {
  type: 'volume',
  source: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  target: '/data',
  readOnly: false,
  isNameless: true,
} as const;

const rootBind = { type: 'bind', source: '/', target: '/host', readOnly: false } as const;

const hostConfigs: readonly Escape[] = [
  host('Privileged', true, shows({ privileged: true })),
  host('CapAdd', ['SYS_ADMIN'], shows({ capAdd: ['CAP_SYS_ADMIN'] })),
  host('CapAdd', 'ALL', shows({ capAdd: ['ALL'] })),
  host('PidMode', 'host', shows({ pidNamespace: 'host' })),
  unsupportedHost('PidMode', 'container:0123456789ab'),
  unsupportedHost('IpcMode', 'host'),
  host('NetworkMode', 'host', unable(501, 'HostConfig.NetworkMode is not supported')),
  host('NetworkMode', 'container:0123456789ab', unable(501, 'HostConfig.NetworkMode is not supported')),
  unsupportedHost('UTSMode', 'host'),
  unsupportedHost('UsernsMode', 'host'),
  unsupportedHost('CgroupnsMode', 'host'),
  unsupportedHost('CgroupParent', '/'),
  host('Binds', ['/:/host'], shows({ mounts: [rootBind] })),
  host(
    'Binds',
    ['data:/data'],
    shows({ mounts: [{ type: 'volume', source: 'data', target: '/data', readOnly: false }] }),
  ),
  host('Mounts', [{ Type: 'bind', Source: '/', Target: '/host' }], shows({ mounts: [rootBind] })),
  host(
    'Tmpfs',
    { '/x': 'size=1g' },
    shows({ mounts: [{ type: 'tmpfs', target: '/x', readOnly: false, sizeBytes: 2 ** 30 }] }),
  ),
  unsupportedHost('Devices', [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/sda', CgroupPermissions: 'rwm' }]),
  unsupportedHost('DeviceRequests', [{ Count: -1, Capabilities: [['gpu']] }]),
  unsupportedHost('DeviceCgroupRules', ['a *:* rwm']),
  host('SecurityOpt', ['seccomp=unconfined'], unable(501, 'HostConfig.SecurityOpt is not supported')),
  host('SecurityOpt', ['no-new-privileges'], works),
  unsupportedHost('Sysctls', { 'kernel.core_pattern': '|/evil' }),
  unsupportedHost('Runtime', 'evil'),
  unsupportedHost('VolumesFrom', ['0123456789ab']),
  unsupportedHost('MaskedPaths', []),
  unsupportedHost('ReadonlyPaths', []),
  host('RestartPolicy', { Name: 'always' }, shows({ restart: { condition: 'always', maxRetries: 0 } })),
  host(
    'PortBindings',
    { '80/tcp': [{ HostPort: '80' }] },
    shows({ ports: [{ hostPorts: [80, 80], containerPort: 80, protocol: 'tcp' }] }),
  ),
  host('PublishAllPorts', true, shows({ ports: [{ containerPort: 80, protocol: 'tcp' }] })),
  host('ExtraHosts', ['db:1.2.3.4'], shows({ settings: { extraHosts: [{ name: 'db', address: '1.2.3.4' }] } })),
  host('GroupAdd', ['0'], shows({ settings: { groups: ['0'] } })),
  host('ShmSize', 1e9, shows({ settings: { shmBytes: 1e9 } })),
  host(
    'Ulimits',
    [{ Name: 'nofile', Soft: 1, Hard: 2 }],
    shows({ settings: { ulimits: { nofile: { soft: 1, hard: 2 } } } }),
  ),
  unsupportedHost('Annotations', { 'run.oci.keep_original_groups': '1' }),
  unsupportedHost('OomScoreAdj', -1000),
];

const keys: readonly Escape[] = [
  raw(
    'a key in lower case',
    'HostConfig.privileged',
    `{"Image":"${image}","HostConfig":{"privileged":true}}`,
    shows({ privileged: true }),
  ),
  raw(
    'an object in upper case',
    'HOSTCONFIG',
    `{"Image":"${image}","HOSTCONFIG":{"Privileged":true}}`,
    shows({ privileged: true }),
  ),
  raw(
    'a long s for an s',
    'Ho\u017ftConfig',
    `{"Image":"${image}","Ho\u017ftConfig":{"Privileged":true}}`,
    shows({ privileged: true }),
  ),
  raw(
    'an escaped key that is one twice',
    'HostConfig',
    `{"Image":"${image}","HostConfig":{"Privileged":true},"Host\\u0043onfig":{}}`,
    shows({ privileged: true }),
  ),
  raw(
    'an object twice, the harmless one last',
    'HostConfig',
    `{"Image":"${image}","HostConfig":{"Privileged":true},"HostConfig":{}}`,
    shows({ privileged: true }),
  ),
  raw(
    'an object twice in two cases',
    'HostConfig',
    `{"Image":"${image}","hostConfig":{"Privileged":true},"HostConfig":{}}`,
    shows({ privileged: true }),
  ),
  raw(
    'a flag twice',
    'HostConfig.Privileged',
    `{"Image":"${image}","HostConfig":{"Privileged":false,"Privileged":true}}`,
    shows({ privileged: true }),
  ),
  raw('the image twice', 'Image', `{"Image":"${image}","Image":"acme/secret:latest"}`, works),
  raw(
    'a mount whose keys are in lower case',
    'HostConfig.Mounts[0].source',
    `{"Image":"${image}","HostConfig":{"Mounts":[{"Type":"bind","source":"/","Target":"/host"}]}}`,
    shows({ mounts: [rootBind] }),
  ),
  raw('an unknown key', 'Evil', `{"Image":"${image}","Evil":true}`, unable(501, 'Evil is not supported')),
  raw(
    'an unknown key that asks for nothing',
    'HostConfig.Evil',
    `{"Image":"${image}","HostConfig":{"Evil":null}}`,
    works,
  ),
  raw(
    'a prototype',
    '__proto__',
    `{"Image":"${image}","__proto__":{"HostConfig":{"Privileged":true}}}`,
    unable(501, '__proto__ is not supported'),
  ),
  raw('something after the end', 'body', `{"Image":"${image}"}{"HostConfig":{}}`, unable(400, 'is not JSON')),
  raw('no object', 'body', '[', unable(400, 'is not JSON')),
];

const targets: readonly Escape[] = [
  raw('an image that is not in may-run', 'Image', '{"Image":"acme/secret:latest"}', works),
  raw("an image of nobody's", 'Image', '{"Image":"img:latest"}', works),
  raw('an image of two functions', 'Image', '{"Image":"acme/twins"}', works),
  raw('another entry point', 'Entrypoint', `{"Image":"${image}","Entrypoint":["sh"]}`, shows({ entrypoint: ['sh'] })),
  raw(
    'another signal',
    'StopSignal',
    `{"Image":"${image}","StopSignal":"SIGKILL"}`,
    shows({ settings: { stopSignal: 9 } }),
  ),
  raw('a volume', 'Volumes', `{"Image":"${image}","Volumes":{"/data":{}}}`, shows({ mounts: [namelessVolume] })),
  raw(
    'a health check',
    'Healthcheck',
    `{"Image":"${image}","Healthcheck":{"Test":["CMD","evil"],"Interval":1000000000}}`,
    shows({ healthcheck: { test: ['evil'], intervalMs: 1000 } }),
  ),
  raw('another user', 'User', `{"Image":"${image}","User":"0"}`, shows({ user: '0' })),
  raw(
    'a network by name',
    'NetworkingConfig.EndpointsConfig',
    `{"Image":"${image}","NetworkingConfig":{"EndpointsConfig":{"other":{}}}}`,
    shows({ network: 'app', attachments: [{ network: 'other', aliases: [] }] }),
  ),
  raw(
    'an image on a registry that ends the same',
    'Image',
    '{"Image":"evil.example/acme/record"}',
    unable(404, 'No such image'),
  ),
];

const paths: readonly Escape[] = [
  '//containers/create',
  '/v1.41/../containers/create',
  '/v1.41//containers/create',
  '/./containers/create',
  '/containers/x/../create',
  '/containers%2Fcreate',
  '/%63ontainers/create',
  '/v1.41/%2e%2e/containers/create',
  'http://localhost/containers/create',
].map((path) => raw(`the path ${path}`, 'path', `{"Image":"${image}"}`, works, path));

const bodies: readonly Escape[] = [
  raw('an oversized body', 'body', `{"Image":"${image}","Env":["A=${'x'.repeat(1_100_000)}"]}`, works),
  {
    name: 'an oversized body in chunks',
    sent: {
      method: 'POST',
      path: create,
      body: `{"Image":"${image}","Env":["A=${'x'.repeat(1_100_000)}"]}`,
      isChunked: true,
    },
    field: 'body',
    operator: works,
  },
  {
    name: 'a body in chunks',
    sent: {
      method: 'POST',
      path: create,
      body: `{"Image":"${image}","HostConfig":{"Privileged":true}}`,
      isChunked: true,
    },
    field: 'HostConfig.Privileged',
    operator: shows({ privileged: true }),
  },
  {
    name: 'a body of another type',
    sent: {
      method: 'POST',
      path: create,
      body: `{"Image":"${image}","HostConfig":{"Privileged":true}}`,
      headers: { 'Content-Type': 'text/plain' },
    },
    field: 'HostConfig.Privileged',
    operator: shows({ privileged: true }),
  },
];

const calls: readonly Escape[] = [
  {
    name: 'pulling an image',
    sent: { method: 'POST', path: '/images/create?fromImage=img&tag=latest' },
    field: 'path',
    operator: answers,
  },
  {
    name: 'loading an image',
    sent: { method: 'POST', path: '/images/load', body: 'tar' },
    field: 'path',
    operator: answers,
  },
  {
    name: 'reading an image that is not in may-run',
    sent: { path: '/images/acme/secret/json' },
    field: 'image',
    operator: answers,
  },
  {
    name: 'building an image',
    sent: { method: 'POST', path: '/build' },
    field: 'path',
    operator: unable(501, 'Building images is not supported'),
  },
  {
    name: 'making a volume',
    sent: { method: 'POST', path: '/volumes/create', body: '{}' },
    field: 'path',
    operator: unable(201, '"Driver":"local"'),
  },
  {
    name: 'making a network',
    sent: { method: 'POST', path: '/networks/create', body: '{}' },
    field: 'path',
    operator: unable(400, 'is not a name for a network'),
  },
  {
    name: 'running a command by exec id',
    sent: { method: 'POST', path: '/exec/0123456789ab/start', body: '{}' },
    field: 'path',
    operator: unable(404, 'No such exec instance: 0123456789ab'),
  },
  ...(
    [
      ['removing an image', { method: 'DELETE', path: '/images/acme/record?force=1' }, 200, 'Untagged'],
      ['naming an image', { method: 'POST', path: '/images/acme/secret/tag?repo=acme/record' }, 201, ''],
      ['saving an image', { path: '/images/acme/secret/get' }, 200, 'an archive'],
      ['saving images', { path: '/images/get?names=acme/secret' }, 200, 'an archive'],
      ['reading how an image was made', { path: '/images/acme/secret/history' }, 200, 'made'],
      ['pruning images', { method: 'POST', path: '/images/prune' }, 200, 'SpaceReclaimed'],
      ['pruning containers', { method: 'POST', path: '/containers/prune' }, 200, 'ContainersDeleted'],
      ['measuring the disk', { path: '/system/df' }, 200, 'LayersSize'],
      ['listing volumes', { path: '/volumes' }, 200, 'Volumes'],
      ['pruning volumes', { method: 'POST', path: '/volumes/prune' }, 200, 'VolumesDeleted'],
      ['reading a volume', { path: '/volumes/data' }, 404, 'No such volume: data'],
      ['removing a volume', { method: 'DELETE', path: '/volumes/data' }, 404, 'No such volume: data'],
      ['listing networks', { path: '/networks' }, 200, 'bridge'],
      ['reading a network', { path: '/networks/bridge' }, 200, 'bridge'],
      ['removing a network', { method: 'DELETE', path: '/networks/data' }, 404, 'No such network: data'],
      ['pruning networks', { method: 'POST', path: '/networks/prune' }, 200, 'NetworksDeleted'],
      ['connecting a network', { method: 'POST', path: '/networks/bridge/connect' }, 400, 'takes a JSON object'],
      ['disconnecting a network', { method: 'POST', path: '/networks/bridge/disconnect' }, 400, 'takes a JSON object'],
      ['reading a command', { path: '/exec/0123456789ab/json' }, 404, 'No such exec instance'],
      [
        'resizing a command',
        { method: 'POST', path: '/exec/0123456789ab/resize?h=1&w=1' },
        404,
        'No such exec instance',
      ],
    ] as const
  ).map(([name, sent, status, says]): Escape => ({ name, sent, field: 'path', operator: unable(status, says) })),
  {
    name: 'a swarm service',
    sent: { method: 'POST', path: '/services/create', body: '{}' },
    field: 'path',
    operator: unable(501, 'not supported'),
  },
];

export const escapes: readonly Escape[] = [...hostConfigs, ...keys, ...targets, ...paths, ...bodies, ...calls];

/** Calls on a container that somebody else started; `{id}` stands for its id, and then for its name. */
export const foreignCalls: readonly (Sent & { readonly operator: number })[] = [
  { path: '/containers/{id}/json', operator: 200 },
  { path: '/containers/{id}/logs?stdout=1', operator: 200 },
  { method: 'POST', path: '/containers/{id}/exec', body: '{"Cmd":["true"]}', operator: 201 },
  { method: 'POST', path: '/containers/{id}/update', body: '{"PidsLimit":100}', operator: 200 },
  { method: 'POST', path: '/containers/{id}/rename?name=theirs', operator: 400 },
  { method: 'POST', path: '/containers/{id}/resize?h=1&w=1', operator: 409 },
  { path: '/containers/{id}/archive?path=/etc/hostname', operator: 200 },
  { method: 'PUT', path: '/containers/{id}/archive?path=/no/such/folder', body: 'x', operator: 404 },
  { path: '/containers/{id}/top', operator: 200 },
  { path: '/containers/{id}/stats?stream=0&one-shot=1', operator: 200 },
  { method: 'POST', path: '/containers/{id}/pause', operator: 204 },
  { method: 'POST', path: '/containers/{id}/unpause', operator: 409 },
  { path: '/containers/{id}/attach/ws', operator: 501 },
  { method: 'POST', path: '/containers/{id}/start', operator: 304 },
  { method: 'POST', path: '/containers/{id}/restart?t=0', operator: 501 },
  { method: 'POST', path: '/containers/{id}/kill?signal=0x', operator: 400 },
  { method: 'POST', path: '/containers/{id}/stop?t=0', operator: 204 },
  { method: 'POST', path: '/containers/{id}/wait', operator: 200 },
  { method: 'DELETE', path: '/containers/{id}?force=1', operator: 204 },
];

/** Calls on a container of its own that a function may not make all the same: inside it runs what its app file says. */
export const closedCalls: readonly Sent[] = [
  { method: 'POST', path: '/containers/{id}/exec', body: '{"Cmd":["sh"]}' },
  { method: 'POST', path: '/containers/{id}/update', body: '{"Memory":0,"PidsLimit":-1}' },
  { method: 'POST', path: '/containers/{id}/rename?name=another' },
  { path: '/containers/{id}/archive?path=/run/secrets' },
  { path: '/containers/{id}/changes' },
  { path: '/containers/{id}/export' },
  { method: 'PUT', path: '/containers/{id}/archive?path=/', body: 'tar' },
  { path: '/containers/{id}/top?ps_args=e' },
];
