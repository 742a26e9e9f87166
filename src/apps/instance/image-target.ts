import type { AppModel, ServiceModel } from '../../model/app.ts';

/**
 * An image that was asked for by its name (`docker run IMAGE`, `minke run IMAGE`) as a service of no file: limits as a service,
 * a root that it may write, no end to its time.
 */
export const imageTarget = (name: string, reference: string): ServiceModel => ({
  name,
  kind: 'task',
  image: reference,
  pack: { runtime: 'auto', include: [] },
  environment: {},
  readOnly: false,
  tmpBytes: 0,
  mounts: [],
  grants: [],
  dependsOn: [],
  restart: 'no',
  stopGraceMs: 10_000,
  limits: { memoryBytes: 0, pids: 4096, cpus: 0 },
  capAdd: [],
  capDrop: [],
  settings: {},
  stdinOpen: false,
  labels: {},
  deployLabels: {},
  ports: [],
  published: [],
  networks: [{ network: 'default', aliases: [] }],
  aliases: [],
  replicas: 1,
  routes: [],
  mayRun: [],
  api: false,
  outbound: 'public',
  timeoutMs: 0,
  concurrency: 10_000,
});

/** The app of what belongs to no file. */
export const emptyApp = (name: string, folder: string): AppModel => ({
  name,
  folder,
  services: {},
  volumes: {},
  networks: { default: { name: `${name}_default`, internal: false } },
  secrets: {},
  configs: {},
});
