import { MinkeError, toMinkeError } from '../errors/index.ts';
import { sendJson } from './answer.ts';
import { goneSignal, type Call, type Desk } from './call.ts';
import type { Caller, FunctionCaller, LocalImage, PullOptions } from './containers.ts';
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
  const { caller } = call;
  const seen = caller.door === 'operator' ? image : asSeen(image, await referencesFor(desk.containers, caller));
  sendJson(call.response, 200, inspectView(seen));
}

/** As Docker tells it: JSON lines, with a failure after the first of them as a line of its own. */
export async function pullImage(desk: Desk, { target, request, response }: Call): Promise<void> {
  const name = target.query.get('fromImage') ?? '';
  if (name === '')
    throw new MinkeError('NOT_SUPPORTED', {
      what: 'Importing an image from a tar file',
      reason: 'docker load takes one that docker save made',
    });
  const tag = target.query.get('tag') ?? '';
  const reference = tag === '' ? name : `${name}${tag.includes(':') ? '@' : ':'}${tag}`;
  const tell = (line: object): void => {
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/json' });
    response.write(`${JSON.stringify(line)}\r\n`);
  };
  const credentials = loginOf(request.headers['x-registry-auth']);
  try {
    const { id } = await desk.images.pull(reference, {
      signal: goneSignal(desk, response),
      credentials,
      onProgress: ({ doneBytes, totalBytes }) =>
        tell({ status: 'Downloading', id: 'layers', progressDetail: { current: doneBytes, total: totalBytes } }),
    });
    tell({ status: `Status: ${reference} is here, as ${id}` });
    response.end();
  } catch (error) {
    if (!response.headersSent) throw error;
    const { message } = toMinkeError(error);
    tell({ errorDetail: { message }, error: message });
    response.end();
  }
}

/** X-Registry-Auth: base64url of JSON; clients send an empty login for a registry that they have none of. */
function loginOf(header: string | readonly string[] | undefined): PullOptions['credentials'] {
  try {
    const text = Buffer.from(String(header ?? ''), 'base64url').toString();
    const { username, password } = JSON.parse(text) as Record<string, unknown>;
    const isLogin = typeof username === 'string' && username !== '' && typeof password === 'string';
    return isLogin ? { username, password } : undefined;
  } catch {
    return undefined;
  }
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
  const references = await referencesFor(containers, caller);
  const found = await Promise.all(references.map((reference) => findImage(images, reference)));
  return found.filter((image) => image !== undefined).map((image) => asSeen(image, references));
}

/** Of the images of what it may run, each once. */
async function referencesFor(
  containers: Desk['containers'],
  { app, mayRun }: FunctionCaller,
): Promise<readonly string[]> {
  const targets = (await containers.functions(app)).filter(({ name }) => mayRun.includes(name));
  return [...new Set(targets.flatMap(({ image }) => image ?? []))];
}

/** An image may have further names, which are those of other functions or of nobody that the caller knows. */
function asSeen(image: LocalImage, references: readonly string[]): LocalImage {
  const known = new Set(references.map(fullReference));
  return { ...image, references: image.references.filter((one) => known.has(fullReference(one))) };
}

/** A function may call an image by the name of its function. */
async function referenceOf({ containers }: Desk, caller: Caller, asked: string): Promise<string> {
  if (caller.door === 'operator') return asked;
  const targets = await containers.functions(caller.app);
  const [name] = findTargets(asked, caller.mayRun, targets);
  return targets.find((target) => target.name === name)?.image ?? asked;
}

export function listView(image: LocalImage): object {
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
