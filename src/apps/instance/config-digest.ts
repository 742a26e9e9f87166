import { createHash } from 'node:crypto';
import { isOnDemand, type AppModel, type ServiceModel } from '../../model/app.ts';
import { networksOf, outboundOf } from './outbound-of.ts';

/**
 * What an instance of the service is made from, as `sha256:...`: an instance with another digest has to be replaced, one with
 * the same may stay. Routes, time-outs, rights and the restart policy are not part of it: they change without a restart.
 */
export function configDigest(app: AppModel, service: ServiceModel, imageId: string): string {
  const made = {
    imageId,
    app: app.name,
    name: service.name,
    kind: service.kind,
    engine: service.engine,
    command: service.command,
    entrypoint: service.entrypoint,
    environment: service.environment,
    workingDir: service.workingDir,
    user: service.user,
    hostname: service.hostname,
    readOnly: service.readOnly,
    tmpBytes: service.tmpBytes,
    grants: service.grants.map((grant) => ({
      ...grant,
      fingerprint: app[`${grant.kind}s`][grant.source]?.fingerprint,
    })),
    capAdd: service.capAdd,
    capDrop: service.capDrop,
    settings: service.settings,
    stdinOpen: service.stdinOpen,
    networks: networksOf(service),
    mounts: service.mounts.map((mount) => ({ ...mount, source: outerSource(app, mount) })),
    limits: service.limits,
    labels: service.labels,
    port: service.ports[0],
    outbound: outboundOf(app, service),
    door: hasDoor(service),
    // Who looks after it changes with it.
    onDemand: isOnDemand(service) || undefined,
  };
  return `sha256:${createHash('sha256').update(canonical(made)).digest('hex')}`;
}

/** Its containers find the socket of minke's API at /run/minke. */
export const hasDoor = (service: ServiceModel): boolean => service.api || service.mayRun.length > 0;

/** The name of a volume outside the app: another volume under the same key is another volume. */
function outerSource(app: AppModel, mount: ServiceModel['mounts'][number]): string | undefined {
  return mount.type === 'volume' ? (app.volumes[mount.source ?? '']?.name ?? mount.source) : mount.source;
}

/** JSON with sorted keys: equal values give equal text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`);
  return `{${entries.join(',')}}`;
}
