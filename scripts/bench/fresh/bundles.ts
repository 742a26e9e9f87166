import { once } from 'node:events';
import { request as httpRequest, type ClientRequest } from 'node:http';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StatusAnswer } from '../../../src/api/types.ts';
import { placesFor } from '../../../src/engines/sandbox/places.ts';
import { answerHead, answerOf } from './handler.ts';

/** A bundle that the floor runs again and again. */
export interface FloorBundle {
  readonly folder: string;
  /** All that its container writes. */
  readonly expected: string;
}

/**
 * Copies bundles of the daemon's own making, while their containers are held in the midst of a request. So they have the
 * limits, the filter and the namespaces that functions have, and each a slot (a network namespace and a cgroup with
 * limits) that is there already and that nothing else uses while the daemon has nothing to do.
 */
export async function copyBundles(status: StatusAnswer, count: number, into: string): Promise<readonly FloorBundle[]> {
  const held = await Promise.all(Array.from({ length: count }, async () => await hold(status)));
  try {
    const { brief } = placesFor(status.dataFolder);
    const instances = await readdir(brief);
    if (instances.length !== count) throw new Error(`${instances.length} containers are held, and not ${count}`);
    return await Promise.all(instances.map(async (id) => await copyBundle(brief, id, into)));
  } finally {
    await Promise.all(held.map(release));
  }
}

/** Resolves once the request's container has begun to answer. */
async function hold({ gateway: { host, port } }: StatusAnswer): Promise<ClientRequest> {
  const request = httpRequest({ host, port, path: '/fresh', method: 'POST', headers: { 'Content-Length': '1' } });
  request.flushHeaders();
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream & { readonly statusCode?: number }];
  response.resume();
  if (response.statusCode !== 200) throw new Error(`a request to be held was answered with ${response.statusCode}`);
  return request;
}

async function release(request: ClientRequest): Promise<void> {
  request.end('\n');
  await once(request, 'close');
}

async function copyBundle(brief: string, instance: string, into: string): Promise<FloorBundle> {
  const [from, folder] = [join(brief, instance), join(into, instance)];
  await mkdir(into, { recursive: true });
  await cp(from, folder, { recursive: true });
  const config = (await readFile(join(from, 'config.json'), 'utf8'))
    .replaceAll(from, folder)
    .replace('"REQUEST_METHOD=POST"', '"REQUEST_METHOD=GET"');
  await writeFile(join(folder, 'config.json'), config);
  return { folder, expected: answerHead + answerOf(instance) };
}
