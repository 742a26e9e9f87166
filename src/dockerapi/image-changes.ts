import { MinkeError } from '../errors/index.ts';
import { pump, sendJson } from './answer.ts';
import { flag, isGone, type Call, type Desk } from './call.ts';
import type { LocalImage } from './containers.ts';
import { readFilters } from './filters.ts';
import { findImage, fullReference } from './targets.ts';

export async function tagImage(desk: Desk, call: Call): Promise<void> {
  const image = await namedImage(desk, call);
  const [repository, tag] = ['repo', 'tag'].map((name) => call.target.query.get(name) ?? '') as [string, string];
  if (repository === '') throw new MinkeError('BAD_REQUEST', { reason: '"repo" is missing' });
  await desk.images.tag(image.id, tag === '' ? repository : `${repository}:${tag}`);
  call.response.writeHead(201).end();
}

/** By name one name goes, and with the last one the image; by id all of them, which has to be forced where there are several. */
export async function removeImage(desk: Desk, call: Call): Promise<void> {
  const asked = call.parameters['image'] ?? '';
  const image = await namedImage(desk, call);
  const name = image.references.find((one) => fullReference(one) === fullReference(asked));
  const isLast = name === undefined || image.references.length === 1;
  const isForced = flag(call, 'force');
  if (name === undefined && image.references.length > 1 && !isForced)
    throw inUse(asked, 'it has several names; remove them by name, or force it');
  if (isLast) await refuseUsed(desk, image, asked, isForced);
  await desk.images.remove(name ?? image.id);
  const untagged = (name === undefined ? image.references : [name]).map((one) => ({ Untagged: one }));
  sendJson(call.response, 200, [...untagged, ...(isLast ? [{ Deleted: image.id }] : [])]);
}

/** An image that a container has is asked for by name at its next start; whether it runs now or has ended. */
async function refuseUsed(desk: Desk, { id }: LocalImage, asked: string, isForced: boolean): Promise<void> {
  if ((await desk.images.used()).has(id)) throw inUse(asked, 'a service, a function or a running container has it');
  const containers = await desk.containers.list({});
  const user = containers.find((one) => !isGone(one) && one.image.id === id);
  if (user !== undefined && !isForced)
    throw inUse(asked, `the container ${user.run.id.slice(0, 12)} is of it; force it, or remove that first`);
}

const inUse = (image: string, reason: string): MinkeError =>
  new MinkeError('CONFLICT', { reason: `conflict: unable to remove ${image}: ${reason}` });

export async function imageHistory(desk: Desk, call: Call): Promise<void> {
  const image = await namedImage(desk, call);
  const steps = await desk.images.history(image.id);
  sendJson(
    call.response,
    200,
    steps.map(({ createdAt, command, comment, sizeBytes }, index) => ({
      Id: index === 0 ? image.id : '<missing>',
      Created: Math.floor(createdAt / 1000),
      CreatedBy: command,
      Tags: index === 0 && image.references.length > 0 ? image.references : null,
      Size: sizeBytes,
      Comment: comment,
    })),
  );
}

export async function saveImage(desk: Desk, call: Call): Promise<void> {
  const names = call.parameters['image'] === undefined ? call.target.query.getAll('names') : [call.parameters['image']];
  const [name, ...others] = names;
  if (name === undefined || others.length > 0)
    throw new MinkeError('NOT_SUPPORTED', { what: 'Saving several images', reason: 'an archive holds one; save each' });
  const image = await findImage(desk.images, name);
  if (image === undefined) throw new MinkeError('NO_SUCH', { kind: 'image', name });
  const reference = image.references.find((one) => fullReference(one) === fullReference(name));
  const archive = await desk.images.save(reference ?? image.id);
  call.response.writeHead(200, { 'Content-Type': 'application/x-tar' });
  await pump(archive, call.response);
  call.response.end();
}

/** What has no name; with `dangling=false` also what nobody uses. */
export async function pruneImages(desk: Desk, call: Call): Promise<void> {
  const filters = readFilters(call.target.query, ['dangling']);
  const isAll = (filters.get('dangling') ?? []).some((one) => ['false', '0'].includes(one));
  const untagged = isAll ? await untagUnused(desk) : [];
  const { images, freedBytes } = await desk.images.sweep();
  sendJson(call.response, 200, {
    ImagesDeleted: [...untagged.map((one) => ({ Untagged: one })), ...images.map((one) => ({ Deleted: one }))],
    SpaceReclaimed: freedBytes,
  });
}

async function untagUnused(desk: Desk): Promise<readonly string[]> {
  const used = await desk.images.used();
  const ofContainers = new Set(
    (await desk.containers.list({})).filter((one) => !isGone(one)).map(({ image }) => image.id),
  );
  const unused = (await desk.images.list()).filter(({ id }) => !used.has(id) && !ofContainers.has(id));
  for (const { id } of unused) await desk.images.remove(id);
  return unused.flatMap(({ references }) => references);
}

async function namedImage(desk: Desk, { parameters }: Call): Promise<LocalImage> {
  const name = parameters['image'] ?? '';
  const image = await findImage(desk.images, name);
  if (image === undefined) throw new MinkeError('NO_SUCH', { kind: 'image', name });
  return image;
}
