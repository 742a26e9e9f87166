import { MinkeError } from '../../errors/index.ts';
import type { ImageConfig } from '../../model/instance.ts';
import { isDigest, type Digest } from './digest.ts';
import { isHealthcheck, toHealthcheck, type HealthcheckFile } from './healthcheck.ts';

/** OCI image specification 1.1: descriptor, manifest and config, as far as minke reads and writes them. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface ConfigFile {
  readonly created?: string;
  readonly architecture: string;
  readonly os: string;
  readonly config?: {
    readonly User?: string;
    readonly ExposedPorts?: Readonly<Record<string, object>> | null;
    readonly Env?: readonly string[] | null;
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly Volumes?: Readonly<Record<string, object>> | null;
    readonly WorkingDir?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Healthcheck?: HealthcheckFile | null;
  };
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly Digest[] };
  /** Of how it was made, the oldest first. Anyone may write it: nothing relies on it. */
  readonly history?: readonly HistoryStep[];
}

export interface HistoryStep {
  readonly created?: unknown;
  readonly created_by?: unknown;
  readonly comment?: unknown;
  readonly empty_layer?: unknown;
}

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

/** What the OCI specification calls this machine's processor. */
export function architectureOf(nodeArch: string): string {
  return { x64: 'amd64', ia32: '386' }[nodeArch] ?? nodeArch;
}

export function toImageConfig({ config = {} }: ConfigFile): ImageConfig {
  const healthcheck = toHealthcheck(config.Healthcheck ?? {});
  return {
    entrypoint: config.Entrypoint ?? [],
    command: config.Cmd ?? [],
    env: Object.fromEntries((config.Env ?? []).map(splitVariable)),
    workdir: (config.WorkingDir ?? '') === '' ? '/' : (config.WorkingDir ?? ''),
    user: config.User ?? '',
    exposedPorts: Object.keys(config.ExposedPorts ?? {}).flatMap(tcpPort),
    labels: config.Labels ?? {},
    volumes: Object.keys(config.Volumes ?? {}),
    ...(healthcheck === undefined ? {} : { healthcheck }),
  };
}

/** The config of an image that minke makes. Its date is fixed, so that equal content has an equal id. */
export function toConfigFile(config: ImageConfig, architecture: string, diffIds: readonly Digest[]): ConfigFile {
  const created = '1970-01-01T00:00:00Z';
  const all = {
    User: config.user,
    ExposedPorts: Object.fromEntries(config.exposedPorts.map((port) => [`${port}/tcp`, {}])),
    Env: Object.entries(config.env).map(([key, value]) => `${key}=${value}`),
    Entrypoint: config.entrypoint,
    Cmd: config.command,
    Volumes: Object.fromEntries(config.volumes.map((path) => [path, {}])),
    WorkingDir: config.workdir,
    Labels: config.labels,
  };
  return {
    created,
    architecture,
    os: 'linux',
    config: Object.fromEntries(Object.entries(all).filter(([, value]) => isSet(value))),
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: diffIds.map(() => ({ created, created_by: 'minke' })),
  };
}

/** Manifests, indexes and configs; larger ones are refused by registries, too (4 MiB). */
export const maxDocumentBytes = 4 << 20;

/** Docker makes at most 127. */
const maxLayers = 256;

/** Throws IMAGE_INVALID unless manifest and config tell of as many layers, and of a sane number. */
export function checkImageShape(layers: readonly unknown[], diffIds: readonly Digest[], image: string): void {
  const refuse = (reason: string): never => {
    throw new MinkeError('IMAGE_INVALID', { image, reason });
  };
  if (layers.length > maxLayers) refuse(`it has ${layers.length} layers, and ${maxLayers} are the most`);
  if (layers.length !== diffIds.length)
    refuse(`it has ${layers.length} layers, but its config lists ${diffIds.length}`);
}

/** JSON that claims to be a manifest, with the shape checked that the rest relies on. */
export function parseManifest(bytes: Buffer, image: string): Manifest {
  const value = parseJson(bytes, image, 'manifest') as Partial<Manifest>;
  if (!isDescriptor(value.config) || !Array.isArray(value.layers) || !value.layers.every(isDescriptor)) {
    throw new MinkeError('IMAGE_INVALID', { image, reason: 'its manifest names no config and layers' });
  }
  return value as Manifest;
}

export function parseConfigFile(bytes: Buffer, image: string): ConfigFile {
  const value = parseJson(bytes, image, 'config') as Partial<ConfigFile>;
  const refuse = (reason: string): never => {
    throw new MinkeError('IMAGE_INVALID', { image, reason });
  };
  const diffIds: unknown = value.rootfs?.diff_ids;
  if (!Array.isArray(diffIds) || !diffIds.every((id) => typeof id === 'string' && isDigest(id)))
    refuse('its config lists no layers');
  const wrong = Object.entries(value.config ?? {}).find(([key, setting]) => !isSetting(key, setting));
  if (wrong !== undefined) refuse(`the "${wrong[0]}" of its config is not what it should be`);
  return value as ConfigFile;
}

/** Anyone may write a config; the rest of minke relies on these shapes. Keys that it does not read may be anything. */
function isSetting(key: string, value: unknown): boolean {
  if (value === null || value === undefined) return true;
  const isText = (one: unknown): boolean => typeof one === 'string' && !one.includes('\0');
  if (['User', 'WorkingDir'].includes(key)) return isText(value);
  if (['Env', 'Entrypoint', 'Cmd'].includes(key)) return Array.isArray(value) && value.every(isText);
  if (key === 'Healthcheck') return isHealthcheck(value);
  const isMap = typeof value === 'object' && !Array.isArray(value);
  if (key === 'Labels') return isMap && Object.values(value).every(isText);
  return !['ExposedPorts', 'Volumes'].includes(key) || (isMap && Object.keys(value).every(isText));
}

export function parseJson(bytes: Buffer, image: string, what: string): object {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch (cause) {
    throw new MinkeError('IMAGE_INVALID', { image, reason: `its ${what} is not JSON` }, { cause });
  }
  throw new MinkeError('IMAGE_INVALID', { image, reason: `its ${what} is not an object` });
}

export function isDescriptor(value: unknown): value is Descriptor {
  if (typeof value !== 'object' || value === null) return false;
  const { mediaType, digest, size } = value as Partial<Descriptor>;
  const isSize = Number.isSafeInteger(size) && Number(size) >= 0;
  return typeof mediaType === 'string' && typeof digest === 'string' && isDigest(digest) && isSize;
}

const isSet = (value: string | object): boolean =>
  typeof value === 'string' ? value !== '' : Object.keys(value).length > 0;

function splitVariable(text: string): [string, string] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}

function tcpPort(text: string): readonly number[] {
  const match = /^(\d+)(?:\/tcp)?$/.exec(text);
  return match === null ? [] : [Number(match[1])];
}
