import { readFileSync, statSync } from 'node:fs';
import type { Volume, Volumes as DockerVolumes } from '../../dockerapi/volumes.ts';
import { writeWhole } from '../../linux/write-whole.ts';
import type { Catalog } from './catalog.ts';
import type { Volumes } from './volumes.ts';

type Labels = Readonly<Record<string, string>>;

/** The Docker API's view of the volumes. Labels are nobody else's, and lie in a file of their own. */
export function createDockerVolumes(volumes: Volumes, catalog: Catalog, labelsFile: string): DockerVolumes {
  const look = (name: string): Volume => ({
    name,
    path: volumes.path(name),
    createdAt: Math.floor(statSync(volumes.path(name)).birthtimeMs),
    labels: readLabels(labelsFile)[name] ?? {},
  });
  const isThere = (name: string): boolean => volumes.list().includes(name);
  return {
    list: async () => volumes.list().map(look),
    find: async (name) => (isThere(name) ? look(name) : undefined),
    create: async (name, labels) => {
      if (isThere(name)) return look(name);
      volumes.ensure({ name, external: false });
      writeLabels(labelsFile, { ...readLabels(labelsFile), [name]: labels });
      return look(name);
    },
    remove: async (name) => {
      volumes.remove({ name, external: false });
      const { [name]: _, ...left } = readLabels(labelsFile);
      writeLabels(labelsFile, left);
    },
    ofApps: () => new Set(catalog.list().flatMap(({ model }) => Object.values(model.volumes).map(({ name }) => name))),
  };
}

function readLabels(file: string): Readonly<Record<string, Labels>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, Labels>>;
  } catch {
    return {}; // No volume has any yet.
  }
}

const writeLabels = (file: string, labels: Readonly<Record<string, Labels>>): void =>
  writeWhole(file, JSON.stringify(labels));
