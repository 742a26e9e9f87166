import { MinkeError } from '../errors/index.ts';
import { newId } from '../model/ids.ts';
import { sendJson, sendNothing } from './answer.ts';
import { isGone, type Call, type Desk } from './call.ts';
import type { Container } from './containers.ts';
import { asked, isZero, refused, type CreateFields } from './create-fields.ts';

import { matchesName, passes, passesLabels, readFilters } from './filters.ts';
import { textOf } from './json-values.ts';
import { measureFolder } from './measure-folder.ts';
import { readOperatorBody } from './operator-body.ts';
import { isOlder } from './target.ts';
import { labelsOf } from './translate.ts';
import type { Volume } from './volumes.ts';

const volumeFields: CreateFields = {
  Name: asked,
  Labels: asked,
  Driver: refused('volumes are folders of this machine', { isNeutral: (value) => isZero(value) || value === 'local' }),
  DriverOpts: refused('volumes are plain folders'),
  ClusterVolumeSpec: refused('there are no cluster volumes'),
};

/** Docker's mark of those that came without a name, which alone are pruned unless all are asked for. */
const nameless = 'com.docker.volume.anonymous';

export async function createVolume(desk: Desk, call: Call): Promise<void> {
  const body = readOperatorBody(call.body, volumeFields, 'volumes/create');
  const name = textOf(body['Name'], 'Name');
  const labels = labelsOf(body['Labels']);
  const volume = await (name === ''
    ? desk.volumes.create(newId(), { ...labels, [nameless]: '' })
    : desk.volumes.create(name, labels));
  sendJson(call.response, 201, volumeView(volume));
}

export async function listVolumes(desk: Desk, call: Call): Promise<void> {
  const filters = readFilters(call.target.query, ['name', 'label', 'dangling', 'driver']);
  const used = await usedVolumes(desk);
  const shown = (await desk.volumes.list()).filter(
    ({ name, labels }) =>
      passes(filters, 'name', (wanted) => matchesName(wanted, name)) &&
      passes(filters, 'driver', (wanted) => wanted === 'local') &&
      passes(filters, 'dangling', (wanted) => ['true', '1'].includes(wanted) === !used.has(name)) &&
      passesLabels(filters, labels),
  );
  sendJson(call.response, 200, { Volumes: shown.map(volumeView), Warnings: null });
}

export async function inspectVolume(desk: Desk, call: Call): Promise<void> {
  sendJson(call.response, 200, volumeView(await namedVolume(desk, call)));
}

export async function removeVolume(desk: Desk, call: Call): Promise<void> {
  const { name } = await namedVolume(desk, call);
  if ((await usedVolumes(desk)).has(name))
    throw new MinkeError('CONFLICT', { reason: `remove ${name}: volume is in use, by a container or by an app` });
  await desk.volumes.remove(name);
  sendNothing(call.response, 204);
}

export async function pruneVolumes(desk: Desk, call: Call): Promise<void> {
  const filters = readFilters(call.target.query, ['all', 'label']);
  const isAll =
    isOlder(call.target.version, '1.42') || (filters.get('all') ?? []).some((one) => ['true', '1'].includes(one));
  const used = await usedVolumes(desk);
  const unused = (await desk.volumes.list()).filter(
    ({ name, labels }) =>
      !used.has(name) && passesLabels(filters, labels) && (isAll || Object.hasOwn(labels, nameless)),
  );
  let freedBytes = 0;
  for (const { name, path } of unused) {
    freedBytes += await measureFolder(path);
    await desk.volumes.remove(name);
  }
  sendJson(call.response, 200, { VolumesDeleted: unused.map(({ name }) => name), SpaceReclaimed: freedBytes });
}

/** By containers, ended ones too, and by apps. */
async function usedVolumes(desk: Desk): Promise<ReadonlySet<string>> {
  const containers = (await desk.containers.list({})).filter((one) => !isGone(one));
  return new Set([...containers.flatMap(volumesOf), ...desk.volumes.ofApps()]);
}

export const volumesOf = ({ run }: Container): readonly string[] =>
  (run.options.mounts ?? []).flatMap(({ type, source }) => (type === 'volume' && source !== undefined ? [source] : []));

async function namedVolume(desk: Desk, { parameters }: Call): Promise<Volume> {
  const name = parameters['volume'] ?? '';
  const volume = await desk.volumes.find(name);
  if (volume === undefined) throw new MinkeError('NO_SUCH', { kind: 'volume', name });
  return volume;
}

export const volumeView = ({ name, path, createdAt, labels }: Volume): object => ({
  Name: name,
  Driver: 'local',
  Mountpoint: path,
  CreatedAt: new Date(createdAt).toISOString(),
  Labels: labels,
  Scope: 'local',
  Options: null,
});
