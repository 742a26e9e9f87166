import { MinkeError } from '../errors/index.ts';
import type { RunMount, RunOptions } from '../model/run.ts';
import { flagOf, listOf, numberOf, objectOf, textOf, wordsOf } from './json-values.ts';
import type { Json, JsonObject } from './json.ts';
import { readPortBindings } from './ports.ts';
import { readNetworks } from './attachments.ts';
import { healthOption, settingsOption } from './settings.ts';
import { readRestartPolicy } from './restart-policy.ts';
import { namelessVolume, readBind, readMount, readTmpfs } from './mounts.ts';

/** The part of a ContainerRequest that the body says; where it comes from and what it targets is not the body's to say. */
export interface AskedContainer {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly options: RunOptions;
  /** Ports that it says it listens on, `80/tcp`, and whether all of those, and the image's, are to be published. */
  readonly exposedPorts: readonly string[];
  readonly publishesAll: boolean;
}

/** @throws BAD_REQUEST that names the field for a value of the wrong type */
export function translateCreate(body: JsonObject, name: string): AskedContainer {
  const host = objectOf(body['HostConfig'], 'HostConfig');
  return {
    image: textOf(body['Image'], 'Image'),
    args: wordsOf(body['Cmd'], 'Cmd'),
    env: envOf(body['Env']),
    exposedPorts: Object.keys(objectOf(body['ExposedPorts'], 'ExposedPorts')),
    publishesAll: flagOf(host['PublishAllPorts'], 'HostConfig.PublishAllPorts'),
    options: { name, ...processOptions(body), ...limitOptions(host, 'HostConfig.'), ...isolationOptions(body, host) },
  };
}

function processOptions(body: JsonObject): RunOptions {
  const entrypoint = wordsOf(body['Entrypoint'], 'Entrypoint');
  const stopSeconds = numberOf(body['StopTimeout'], 'StopTimeout');
  return {
    // `--entrypoint ""` is sent as [""] and means: none, not even the image's.
    ...(entrypoint.length > 0 && { entrypoint: entrypoint.filter((word, index) => index > 0 || word !== '') }),
    ...given('workdir', textOf(body['WorkingDir'], 'WorkingDir')),
    ...given('user', textOf(body['User'], 'User')),
    ...given('hostname', textOf(body['Hostname'], 'Hostname')),
    ...(stopSeconds > 0 && { stopGraceMs: stopSeconds * 1000 }),
    ...(flagOf(body['Tty'], 'Tty') && { tty: true }),
    stdin: flagOf(body['OpenStdin'], 'OpenStdin') ? 'open' : 'none',
    ...(flagOf(body['StdinOnce'], 'StdinOnce') && { stdinOnce: true }),
    labels: labelsOf(body['Labels']),
  };
}

/** `prefix`: of the names of the fields, where something is wrong with one. */
export function limitOptions(host: JsonObject, prefix: string): RunOptions {
  const nanoCpus = numberOf(host['NanoCpus'], `${prefix}NanoCpus`);
  const quota = numberOf(host['CpuQuota'], `${prefix}CpuQuota`);
  // 100 ms is the kernel's period where none is given.
  const period = numberOf(host['CpuPeriod'], `${prefix}CpuPeriod`) || 100_000;
  const cpus = nanoCpus > 0 ? nanoCpus / 1e9 : Math.max(0, quota / period);
  const memoryBytes = numberOf(host['Memory'], `${prefix}Memory`);
  const pids = numberOf(host['PidsLimit'], `${prefix}PidsLimit`);
  return {
    ...(memoryBytes > 0 && { memoryBytes }),
    ...(cpus > 0 && { cpus }),
    ...(pids > 0 && { pids }),
  };
}

function isolationOptions(body: JsonObject, host: JsonObject): RunOptions {
  checkSecurity(wordsOf(host['SecurityOpt'], 'HostConfig.SecurityOpt'));
  const named = mountsOf(host);
  const mounts = [...named, ...namelessVolumes(body, named)];
  const ports = readPortBindings(host['PortBindings']);
  const capAdd = wordsOf(host['CapAdd'], 'HostConfig.CapAdd');
  const capDrop = wordsOf(host['CapDrop'], 'HostConfig.CapDrop');
  return {
    ...(mounts.length > 0 && { mounts }),
    ...(capAdd.length > 0 && { capAdd: capAdd.map(capability) }),
    ...(capDrop.length > 0 && { capDrop: capDrop.map(capability) }),
    ...(flagOf(host['Privileged'], 'HostConfig.Privileged') && { privileged: true }),
    ...(flagOf(host['ReadonlyRootfs'], 'HostConfig.ReadonlyRootfs') && { readOnlyRoot: true }),
    ...pidOption(textOf(host['PidMode'], 'HostConfig.PidMode')),
    ...readNetworks(
      textOf(host['NetworkMode'], 'HostConfig.NetworkMode'),
      flagOf(body['NetworkDisabled'], 'NetworkDisabled'),
      objectOf(objectOf(body['NetworkingConfig'], 'NetworkingConfig')['EndpointsConfig'], 'EndpointsConfig'),
    ),
    ...(ports.length > 0 && { ports }),
    ...lifeOptions(host),
    ...settingsOption(body, host),
    ...healthOption(body['Healthcheck']),
  };
}

function lifeOptions(host: JsonObject): RunOptions {
  const restart = readRestartPolicy(host['RestartPolicy'], 'HostConfig.RestartPolicy');
  const isRemoved = flagOf(host['AutoRemove'], 'HostConfig.AutoRemove');
  if (isRemoved && restart.condition !== 'no')
    throw new MinkeError('BAD_REQUEST', { reason: "can't create 'AutoRemove' container with restart policy" });
  return { keep: !isRemoved, ...(restart.condition !== 'no' && { restart }) };
}

/** Every container has no-new-privileges; to ask for it is to ask for nothing. */
function checkSecurity(options: readonly string[]): void {
  const strange = options.find((option) => !/^no-new-privileges([:=]true)?$/.test(option));
  if (strange === undefined) return;
  const reason = `"${strange}": seccomp, capabilities and no-new-privileges are set by minke`;
  throw new MinkeError('NOT_SUPPORTED', { what: 'HostConfig.SecurityOpt', reason });
}

function pidOption(mode: string): RunOptions {
  if (mode === 'host') return { pidNamespace: 'host' };
  if (mode === '' || mode === 'private') return {};
  throw new MinkeError('NOT_SUPPORTED', { what: 'HostConfig.PidMode', reason: `"${mode}" is neither "" nor "host"` });
}

/** Each a volume of its own, under an id for a name. */
const namelessVolumes = (body: JsonObject, named: readonly RunMount[]): RunMount[] =>
  Object.keys(objectOf(body['Volumes'], 'Volumes'))
    // A client may repeat here what it binds by name.
    .filter((target) => !named.some((one) => one.target === target))
    .map((target) => namelessVolume(target, 'Volumes'));

function mountsOf(host: JsonObject): RunMount[] {
  const tmpfs = Object.entries(objectOf(host['Tmpfs'], 'HostConfig.Tmpfs'));
  return [
    ...wordsOf(host['Binds'], 'HostConfig.Binds').map(readBind),
    ...listOf(host['Mounts'], 'HostConfig.Mounts').map((one, index) => readMount(one, `HostConfig.Mounts[${index}]`)),
    ...tmpfs.map(([target, options]) => readTmpfs(target, textOf(options, `HostConfig.Tmpfs.${target}`))),
  ];
}

/** Docker takes `NET_ADMIN`, `cap_net_admin` and `ALL`. */
function capability(name: string): string {
  const upper = name.toUpperCase();
  return upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}

export function envOf(value: Json | undefined): Record<string, string> {
  // A name without "=" takes a variable away; what the image does not set is away already.
  return Object.fromEntries(
    wordsOf(value, 'Env')
      .filter((entry) => entry.includes('='))
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}

export function labelsOf(value: Json | undefined): Record<string, string> {
  const labels = Object.entries(objectOf(value, 'Labels'));
  return Object.fromEntries(labels.map(([key, one]) => [key, textOf(one, `Labels.${key}`)]));
}

const given = (key: keyof RunOptions, value: string): RunOptions => (value === '' ? {} : { [key]: value });
