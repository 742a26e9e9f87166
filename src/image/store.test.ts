import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../observe/log.ts';
import { digestOf } from './layout/digest.ts';
import type { FetchProgress, ImageSource } from './source.ts';
import { createImageStore, type ImageStore } from './store.ts';
import { configOf, dockerArchive, tarOf, writeFiles } from './testing/images.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

const folder = temporaryFolder();
let store: ImageStore;
let storeFolder: string;
let count = 0;

const open = (sources: readonly ImageSource[] = []): ImageStore =>
  createImageStore({ folder: storeFolder, nodePath: '/bin/true', log: silentLog, sources });

beforeEach(() => {
  count += 1;
  storeFolder = join(folder, String(count));
  store = open();
});

afterEach(() => store.close());

function root(text: string): string {
  const path = join(folder, `root-${count}-${text}`);
  writeFiles(path, { 'file.txt': text });
  return path;
}

const layer = tarOf([{ name: 'hello', text: 'hello' }]);
const archive = (name: string): Readable => Readable.from([dockerArchive(name, [layer], [digestOf(layer)])]);

describe('the image store', () => {
  it('prepares an image by name; the second time without any work', async () => {
    const made = await store.importRoot('app', root('a'), { command: ['x'] });
    const [first, second] = [await store.prepare('app'), await store.prepare('app')];
    expect(first).toEqual(made);
    expect(second).toBe(first);
    expect(readFileSync(join(first.rootPath, 'file.txt'), 'utf8')).toBe('a');
  });

  it('answers with the new image once a name has moved', async () => {
    const first = await store.importRoot('app', root('a'));
    await store.prepare('app');
    const second = await store.importRoot('app', root('b'));
    expect((await store.prepare('app')).id).toBe(second.id);
    expect((await store.prepare(first.id)).rootPath).toBe(first.rootPath);
  });

  it('says IMAGE_NOT_FOUND for what it does not have, to prepare as to save and tag', async () => {
    for (const ask of [store.prepare('none'), store.save('none'), store.tag('none', 'x')]) {
      await expect(ask).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    }
    expect(await store.inspect('none')).toBeUndefined();
    expect(await store.remove('none')).toBe(false);
  });

  it('packs many folders at once, and each becomes what it is', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const images = await Promise.all(
      names.map(async (name) => {
        const source = join(folder, `app-${count}-${name}`);
        writeFiles(source, { 'package.json': '{"main":"index.js"}', 'index.js': name });
        return store.pack({ reference: name, folder: source, runtime: 'auto', include: [] });
      }),
    );
    expect(images.map(({ rootPath }) => readFileSync(join(rootPath, 'app/index.js'), 'utf8'))).toEqual(names);
    expect((await store.list()).flatMap((image) => image.names).toSorted()).toEqual(
      names.map((name) => `${name}:latest`),
    );
  });

  it('tells what it has: names, sizes, config', async () => {
    const { id } = await store.importRoot('acme/api:v1', root('a'), { exposedPorts: [80], env: { A: '1' } });
    await store.tag('acme/api:v1', 'api');
    const summary = await store.inspect('api');
    expect(summary).toMatchObject({
      id,
      names: ['acme/api:v1', 'api:latest'],
      createdAt: 0,
      config: { exposedPorts: [80], env: { A: '1' } },
    });
    expect(summary?.sizeBytes).toBeGreaterThan(1024);
    expect(await store.list()).toEqual([summary]);
  });

  it('loads what it saved, and what another saved', async () => {
    const { id } = await store.importRoot('app', root('a'));
    const saved = await store.save('app');
    const other = createImageStore({ folder: `${storeFolder}-other`, nodePath: '/bin/true', log: silentLog });
    expect(await other.load(saved)).toMatchObject([{ id, names: ['app:latest'] }]);
    expect(await other.load(archive('hello'))).toMatchObject([{ names: ['hello:latest'] }]);
    await other.close();
  });

  it('keeps its images over a restart', async () => {
    const { id } = await store.importRoot('app', root('a'));
    await store.close();
    store = open();
    expect((await store.prepare('app')).id).toBe(id);
  });

  it('sweeps what has no name and nobody keeps, and only that', async () => {
    const [old, kept] = [await store.importRoot('app', root('a')), await store.importRoot('app', root('b'))];
    const named = await store.importRoot('app', root('c'));
    const swept = await store.sweep([kept.id]);
    expect(swept.images).toEqual([old.id]);
    expect(swept.freedBytes).toBeGreaterThan(0);
    expect([old, kept, named].map(({ rootPath }) => existsSync(rootPath))).toEqual([false, true, true]);
    expect((await store.prepare(kept.id)).id).toBe(kept.id);
    await store.remove('app');
    await store.sweep([named.id]);
    expect(existsSync(named.rootPath)).toBe(true);
    await store.sweep([]);
    expect([readdirSync(join(storeFolder, 'roots')), readdirSync(join(storeFolder, 'layers'))]).toEqual([[], []]);
    expect(readdirSync(join(storeFolder, 'blobs', 'sha256'))).toEqual([]);
  });
});

describe('sources', () => {
  const nothing: ImageSource = { name: 'nothing', fetch: () => Promise.resolve(undefined) };

  /** A source with one image; it waits for `until` before its layer comes. */
  function shelfOf(asked: string[], until: () => Promise<void> = async () => undefined): ImageSource {
    return {
      name: 'shelf',
      fetch: async (reference, shelf, { signal, onProgress }) => {
        asked.push(reference);
        await until();
        signal?.throwIfAborted();
        onProgress?.({ doneBytes: layer.length, totalBytes: layer.length });
        const path = await shelf.newPath();
        writeFileSync(path, layer);
        const diffId = digestOf(layer);
        await shelf.addLayer({ image: reference, path, digest: diffId, diffId });
        rmSync(path);
        return await shelf.addImage({ configBytes: configOf([diffId]), diffIds: [diffId], sourceDigests: [] });
      },
    };
  }

  it('are asked in order for what the layout lacks, and once only', async () => {
    const asked: string[] = [];
    store = open([nothing, shelfOf(asked)]);
    const image = await store.prepare('acme/hello:v1');
    await store.prepare('acme/hello:v1');
    expect(asked).toEqual(['acme/hello:v1']);
    expect((await store.inspect('acme/hello:v1'))?.id).toBe(image.id);
  });

  it('are not asked for what only may come from here', async () => {
    const asked: string[] = [];
    store = open([shelfOf(asked)]);
    await expect(store.prepare('hello', { isLocal: true })).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    expect(asked).toEqual([]);
  });

  it('are asked once for all who want the same image at the same time, and all see its progress', async () => {
    const asked: string[] = [];
    const gate = Promise.withResolvers<void>();
    store = open([shelfOf(asked, () => gate.promise)]);
    const seen: number[] = [];
    const onProgress = ({ doneBytes }: FetchProgress): void => void seen.push(doneBytes);
    const pulls = [1, 2, 3].map(() => store.pull('hello', { onProgress }));
    await vi.waitUntil(() => asked.length > 0);
    gate.resolve();
    expect(new Set((await Promise.all(pulls)).map(({ id }) => id)).size).toBe(1);
    expect([asked, seen]).toEqual([['hello'], [layer.length, layer.length, layer.length]]);
  });

  it('stop when the last who waits has gone, and not before', async () => {
    const asked: string[] = [];
    const gate = Promise.withResolvers<void>();
    store = open([shelfOf(asked, () => gate.promise)]);
    const leaving = new AbortController();
    const left = store.pull('hello', { signal: leaving.signal });
    const staying = store.pull('hello');
    await vi.waitUntil(() => asked.length > 0);
    leaving.abort(new Error('changed my mind'));
    await expect(left).rejects.toThrow('changed my mind');
    gate.resolve();
    expect((await staying).names).toEqual(['hello:latest']);
    const alone = new AbortController();
    const another = Promise.withResolvers<void>();
    const third = open([shelfOf(asked, () => another.promise)]);
    const gone = third.pull('other', { signal: alone.signal });
    await vi.waitUntil(() => asked.includes('other'));
    alone.abort(new Error('so did I'));
    another.resolve();
    await expect(gone).rejects.toThrow('so did I');
    expect(await third.inspect('other')).toBeUndefined();
    await third.close();
  });

  it('are named when none of them has the image', async () => {
    store = open([nothing]);
    await expect(store.prepare('none')).rejects.toThrow('neither the image store nor nothing has it');
  });
});
