import { MinkeError } from '../errors/index.ts';
import { sendJson } from './answer.ts';
import type { Call, Desk } from './call.ts';
import type { Caller, LocalImage } from './containers.ts';
import { passes, readFilters } from './filters.ts';
import { nanoTime } from './log-view.ts';
import { findImage, findTargets, fullReference } from './targets.ts';

export async function listImages(desk: Desk, call: Call): Promise<void> {
  const filters = readFilters(call.target.query, ['reference']);
  const images = await visibleImages(desk, call.caller);
  const isAsked = ({ references }: LocalImage): boolean =>
    passes(filters, 'reference', (wanted) => references.some((one) => fullReference(one) === fullReference(wanted)));
  sendJson(call.response, 200, images.filter(isAsked).map(listView));
}

export async function inspectImage(desk: Desk, call: Call): Promise<void> {
  const asked = call.parameters['image'] ?? '';
  const image = await findImage(desk.images, await referenceOf(desk, call.caller, asked));
  if (image === undefined) throw new MinkeError('NO_SUCH', { kind: 'image', name: asked });
  sendJson(call.response, 200, inspectView(image));
}

/** Images come by `docker load` and by the app file. What is here already need not be fetched. */
export async function pullImage(desk: Desk, { target, response }: Call): Promise<void> {
  const name = target.query.get('fromImage') ?? '';
  if (name === '')
    throw new MinkeError('NOT_SUPPORTED', {
      what: 'Importing an image from a tar file',
      reason: 'docker load takes one that docker save made',
    });
  const tag = target.query.get('tag') ?? '';
  const reference = tag === '' ? name : `${name}${tag.includes(':') ? '@' : ':'}${tag}`;
  if ((await findImage(desk.images, reference)) === undefined) {
    throw new MinkeError('IMAGE_NOT_FOUND', {
      image: reference,
      reason: 'it is not on this machine, and this door fetches none from a registry; bring it with docker load',
    });
  }
  sendJson(response, 200, { status: `${reference} is on this machine already; no registry was asked` });
}

export async function loadImage(desk: Desk, { request, response }: Call): Promise<void> {
  const images = await desk.images.load(request);
  const names = images.map(({ references, id }) =>
    references[0] === undefined ? `Loaded image ID: ${id}` : `Loaded image: ${references[0]}`,
  );
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(names.map((name) => `${JSON.stringify({ stream: `${name}\n` })}\r\n`).join(''));
}

/** A function sees the images of what it may run. */
async function visibleImages({ images, containers }: Desk, caller: Caller): Promise<readonly LocalImage[]> {
  if (caller.door === 'operator') return images.list();
  const targets = await containers.functions(caller.app);
  const references = targets.filter(({ name }) => caller.mayRun.includes(name)).flatMap(({ image }) => image ?? []);
  const found = await Promise.all([...new Set(references)].map((reference) => findImage(images, reference)));
  return found.filter((image) => image !== undefined);
}

/** A function may call an image by the name of its function. */
async function referenceOf({ containers }: Desk, caller: Caller, asked: string): Promise<string> {
  if (caller.door === 'operator') return asked;
  const targets = await containers.functions(caller.app);
  const [name] = findTargets(asked, caller.mayRun, targets);
  return targets.find((target) => target.name === name)?.image ?? asked;
}

function listView(image: LocalImage): unknown {
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: image.references,
    RepoDigests: [],
    Created: Math.floor(image.createdAt / 1000),
    Size: image.sizeBytes,
    SharedSize: -1,
    Labels: image.config.labels,
    Containers: -1,
  };
}

function inspectView(image: LocalImage): unknown {
  return {
    Id: image.id,
    RepoTags: image.references,
    RepoDigests: [],
    Parent: '',
    Comment: '',
    Created: nanoTime(image.createdAt),
    Author: '',
    Config: configView(image),
    Architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    Os: 'linux',
    Size: image.sizeBytes,
    GraphDriver: { Name: 'minke', Data: null },
    RootFS: { Type: 'layers', Layers: image.layers },
    Metadata: { LastTagTime: nanoTime(image.createdAt) },
  };
}

function configView({ config }: LocalImage): unknown {
  return {
    User: config.user,
    ExposedPorts: Object.fromEntries(config.exposedPorts.map((port) => [`${port}/tcp`, {}])),
    Env: Object.entries(config.env).map(([key, value]) => `${key}=${value}`),
    Cmd: config.command,
    Entrypoint: config.entrypoint,
    Volumes: Object.fromEntries(config.volumes.map((path) => [path, {}])),
    WorkingDir: config.workdir,
    Labels: config.labels,
  };
}
