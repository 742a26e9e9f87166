/**
 * The layers of `src/` as data: the one place that says who may import whom. `npm run architecture` holds every import
 * against it and draws it into ARCHITECTURE.md.
 *
 * A room is a folder under `src/`, named by its path. What is not said here is refused.
 */
export interface Room {
  readonly folder: string;
  /** For people: what lies in it. */
  readonly purpose: string;
  /**
   * Rooms that it may import. A room with rooms inside it (`engines`) means only its own files; the rooms inside are named
   * one by one.
   */
  readonly mayImport: readonly string[];
}

export interface Layer {
  readonly name: string;
  /** For people: the rule in words. */
  readonly rule: string;
  readonly rooms: readonly Room[];
}

/** One import that the table refuses and that is right all the same, each with its reason. */
export interface Exception {
  readonly file: string;
  readonly mayImport: readonly string[];
  readonly because: string;
}

const words = ['model', 'errors'];
const grounds = [...words, 'observe', 'linux'];
const means = [...grounds, 'api', 'store', 'image', 'engines'];
const concreteEngines = ['engines/sandbox', 'engines/docker', 'engines/swarm', 'engines/fake'];
const features = ['apps', 'gateway', 'autoscale', 'tasks', 'releases', 'handoff', 'chaos', 'dockerapi'];

export const layers: readonly Layer[] = [
  {
    name: '0 words',
    rule: 'pure: no file, no socket, no clock',
    rooms: [
      { folder: 'model', purpose: 'nouns and state machines', mayImport: [] },
      { folder: 'errors', purpose: 'the catalogue of failures', mayImport: ['model'] },
    ],
  },
  {
    name: '1 means',
    rule: 'not one another, but for `observe` and `linux`',
    rooms: [
      { folder: 'observe', purpose: 'log, clock, calendar, metrics, timeline', mayImport: words },
      { folder: 'linux', purpose: 'libc calls and processes', mayImport: [...words, 'observe'] },
      { folder: 'api', purpose: 'the HTTP contract: routes and bodies', mayImport: words },
      { folder: 'store', purpose: 'state on disk', mayImport: grounds },
      { folder: 'image', purpose: 'pack, keep and unpack images', mayImport: grounds },
      { folder: 'engines', purpose: 'the contract of an engine', mayImport: grounds },
      {
        folder: 'engines/local',
        purpose: 'networks, limits and processes of engines on this machine',
        mayImport: [...grounds, 'engines'],
      },
      {
        folder: 'engines/sandbox',
        purpose: 'containers by an OCI runtime, without a daemon',
        mayImport: [...grounds, 'engines', 'engines/local'],
      },
      {
        folder: 'engines/docker',
        purpose: 'containers by a Docker Engine',
        mayImport: [...grounds, 'engines', 'engines/local'],
      },
      { folder: 'engines/swarm', purpose: 'containers on a Docker Swarm', mayImport: [...grounds, 'engines'] },
      { folder: 'engines/fake', purpose: 'a scriptable engine in memory', mayImport: [...grounds, 'engines'] },
    ],
  },
  {
    name: '2 features',
    rule: 'never another feature, never a concrete engine',
    rooms: [
      { folder: 'apps', purpose: 'Compose file to desired state', mayImport: means },
      { folder: 'gateway', purpose: 'the HTTP way in', mayImport: means },
      { folder: 'autoscale', purpose: 'how many instances', mayImport: means },
      { folder: 'tasks', purpose: 'durable runs', mayImport: means },
      { folder: 'releases', purpose: 'versions of an app', mayImport: means },
      { folder: 'handoff', purpose: 'live updates that carry state', mayImport: means },
      { folder: 'chaos', purpose: 'faults that end by themselves', mayImport: means },
      { folder: 'dockerapi', purpose: 'the Docker API and its policy', mayImport: means },
    ],
  },
  {
    name: '3 composition',
    rule: 'the only wide importer: wires features to engines',
    rooms: [{ folder: 'daemon', purpose: '`minke serve`', mayImport: [...means, ...concreteEngines, ...features] }],
  },
  {
    name: '4 faces',
    rule: 'speak HTTP with the daemon',
    rooms: [
      { folder: 'sdk', purpose: 'the client for programs', mayImport: ['api/routes.ts', 'errors'] },
      { folder: 'cli', purpose: 'the command line', mayImport: [...words, 'api', 'sdk'] },
      { folder: 'web', purpose: 'the console', mayImport: [...words, 'api'] },
    ],
  },
];

export const exceptions: readonly Exception[] = [
  { file: 'model/ids.ts', mayImport: ['node:crypto'], because: 'an id is random by nature' },
  { file: 'cli/commands/serve.ts', mayImport: ['daemon'], because: 'one command is the daemon itself' },
];

/** Rooms whose files may not use Node's own modules either. */
export const pureRooms: readonly string[] = words;

/** A test may start from the engine in memory wherever it lies, and imports what runs it. */
export const testsMayImport: readonly string[] = ['engines/fake', 'vitest'];

/** Packages and modules of Node that belong to one room, so that they can be replaced there. */
export const owners: Readonly<Record<string, readonly string[]>> = {
  koffi: ['linux'],
  yaml: ['apps'],
  'node:sqlite': ['store'],
  pg: ['store'],
};
