import type { AppModel, ServiceModel, VolumeModel } from '../../model/app.ts';
import { checkApp } from './check-app.ts';
import { restartOfJob } from './check-conditions.ts';
import type { FileContext } from './context.ts';
import { fieldsOf, openMap, type Fields, type Reader } from './fields.ts';
import { joinVolumes } from './join-volumes.ts';
import { rootKeys, volumeKeys } from './keys.ts';
import { isNull, wordsFor, type MapNode } from './node.ts';
import { isProjectName, normaliseName } from './project-name.ts';
import { readRootBlock } from './read-block.ts';
import { readContents, type Contents } from './read-contents.ts';
import { readNetworks } from './read-networks.ts';
import { readService, type ReadService } from './read-service.ts';
import { readBoolean, readPairs, readWord } from './readers.ts';

export interface Naming {
  /** As asked for on the command line. */
  readonly project: string | undefined;
  readonly folderName: string;
}

export interface ReadApp {
  readonly model: AppModel;
  readonly contents: Contents;
}

/** The whole file as a model. What is wrong is in the context's problems; the model is then not to be used. */
export function readApp(root: MapNode, naming: Naming, context: FileContext): ReadApp | undefined {
  const { problems } = context;
  const fields = openMap(root, rootKeys, problems) ?? fieldsOf(root, problems);
  const everywhere = fields.read('x-minke', readRootBlock);
  const name = projectName(fields, naming, context);
  const volumes = readVolumes(fields, name ?? '', context);
  const networks = readNetworks(fields, name ?? '', context);
  const [secrets, configs] = [readContents(fields, 'secret', context), readContents(fields, 'config', context)];
  const services = readServices(fields, context);
  checkApp(services, { volumes, networks, secrets: secrets.sources, configs: configs.sources }, context);
  if (name === undefined) return undefined;
  const models = [...services.values()].map((service) => ({
    ...everywhere,
    ...withVolumes(service, services, context),
    ...restartOfJob(service, services),
  }));
  const model: AppModel = {
    name,
    folder: context.folder,
    services: Object.fromEntries(models.map((one) => [one.name, one])),
    volumes,
    networks,
    secrets: secrets.sources,
    configs: configs.sources,
  };
  return { model, contents: new Map([...secrets.contents, ...configs.contents]) };
}

/** With what it takes from others by `volumes_from`. */
function withVolumes(
  { model, volumesFrom }: ReadService,
  services: ReadonlyMap<string, ReadService>,
  { problems }: FileContext,
): ServiceModel {
  if (volumesFrom.length === 0) return model;
  const joined = joinVolumes(model.name, services, problems).map(({ mount }) => mount);
  const own = model.mounts.filter(({ target }) => !joined.some((mount) => mount.target === target));
  return { ...model, mounts: [...joined, ...own] };
}

function projectName(fields: Fields, { project, folderName }: Naming, { problems }: FileContext): string | undefined {
  const inFile = fields.read('name', readWord);
  const at = fields.node('name')?.at ?? fields.at;
  const asked = project ?? inFile;
  const name = asked ?? normaliseName(folderName);
  if (isProjectName(name)) return name;
  const better = normaliseName(name).slice(0, 63);
  const mend = isProjectName(better) ? `Did you mean "${better}"?` : 'Write name: NAME at the top of the file.';
  const key = project === undefined ? 'name' : '--project';
  problems.badValue({ ...at, path: key }, `"${name}"`, 'it must be a-z, 0-9, "-" and "_", at most 63', mend);
  return undefined;
}

function readServices(fields: Fields, context: FileContext): ReadonlyMap<string, ReadService> {
  const { problems } = context;
  const node = fields.node('services');
  const services = new Map<string, ReadService>();
  const { inactive } = context;
  if (node === undefined || (node.kind === 'map' && node.entries.size === 0)) {
    const [profile] = inactive.values();
    const mend = profile === undefined ? 'Add one: services: {web: {build: .}}' : `Activate one: --profile ${profile}`;
    const what = node === undefined ? 'missing' : profile === undefined ? 'empty' : 'without an active profile';
    problems.badValue(fields.placeOf('services'), what, 'an app has at least one service', mend);
  } else if (node.kind !== 'map') {
    problems.badValue(
      node.at,
      wordsFor(node),
      'it must be a mapping of names',
      'Write NAME: below it, and the keys of the service below that.',
    );
  } else {
    for (const [name, { key, value }] of node.entries) {
      const service = readService(name, value, key, context);
      if (service !== undefined) services.set(name, service);
    }
  }
  return services;
}

function readVolumes(
  fields: Fields,
  project: string,
  { problems }: FileContext,
): Readonly<Record<string, VolumeModel>> {
  const node = fields.node('volumes');
  if (node === undefined) return {};
  if (node.kind !== 'map') {
    problems.badValue(node.at, wordsFor(node), 'it must be a mapping of names', 'Write volumes: {NAME: }.');
    return {};
  }
  const volumes = [...node.entries].flatMap(([key, { value }]): [string, VolumeModel][] => {
    const volume = isNull(value)
      ? { name: `${project}_${key}`, external: false }
      : readVolume(key, project)(value, problems);
    return volume === undefined ? [] : [[key, volume]];
  });
  return Object.fromEntries(volumes);
}

const readVolume =
  (key: string, project: string): Reader<VolumeModel> =>
  (node, problems) => {
    const fields = openMap(node, volumeKeys, problems);
    if (fields === undefined) return undefined;
    const driver = fields.read('driver', readWord);
    if (driver !== undefined && driver !== 'local') {
      problems.unsupported(fields.placeOf('driver'), 'a volume is a folder that minke keeps', 'Take it out.');
    }
    fields.read('labels', readPairs);
    const outer = fields.read('external', readExternal);
    const external = outer !== undefined && outer !== false;
    const name = fields.read('name', readVolumeName) ?? (typeof outer === 'string' ? outer : undefined);
    return { name: name ?? (external ? key : `${project}_${key}`), external };
  };

/** `external: true`, or `external: {name: NAME}` in older files. */
const readExternal: Reader<boolean | string> = (node, problems) => {
  if (node.kind !== 'map') return readBoolean(node, problems);
  return openMap(node, { known: ['name'] }, problems)?.read('name', readVolumeName) ?? true;
};

const readVolumeName: Reader<string> = (node, problems) => {
  const name = readWord(node, problems);
  if (name === undefined || /^[a-zA-Z0-9][\w.-]{0,200}$/.test(name)) return name;
  problems.badValue(node.at, wordsFor(node), 'it must be letters, digits, ".", "-" and "_"', 'Choose another name.');
  return undefined;
};
