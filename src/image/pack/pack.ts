import { readdirSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import type { ImageConfig } from '../../model/instance.ts';
import type { StoredBlob } from '../layout/blobs.ts';
import { cachedLayer } from '../layout/layer-cache.ts';
import type { Layout, StoredImage } from '../layout/layout.ts';
import { architectureOf, toConfigFile } from '../layout/manifest.ts';
import { createTree, subtract, writeLayer, type Tree } from '../layout/tree.ts';
import { includeHostPath, type Fail } from '../runtime/include.ts';
import { loadRuntime, type RuntimeName } from '../runtime/runtime.ts';
import { skeletonTree } from '../runtime/skeleton.ts';
import { addNeededLibraries } from '../runtime/standard-library.ts';
import { addExtraFolder, appFolder, readAppTrees, type AppTrees } from './app-tree.ts';
import { checkModules } from './check-modules.ts';
import { chooseProgram, renameStripped, type Program } from './command.ts';
import { ensureProgram, searchPath } from './find-program.ts';
import { readPackageJson, type PackageJson } from './package-json.ts';
import { failFor, type PackRequest } from './request.ts';

/**
 * A folder as an image, without any daemon: skeleton, runtime, included programs, packages and app, each a layer of its own
 * (the first three are made once and kept). Equal content gives an equal image, whenever and wherever it is packed with
 * the same host programs. PACK_FAILED says what is wrong with the folder and what mends it.
 */
export function packFolder(layout: Layout, request: PackRequest, nodePath: string): StoredImage {
  const fail = failFor(request.folder);
  checkFolder(request.folder, fail);
  const manifest = readPackageJson(request.folder, fail);
  const chosen = chooseProgram(request, manifest, fail);
  const runtimeName = chooseRuntime(request, manifest, chosen);
  if (manifest !== undefined && runtimeName === 'node') checkModules(request.folder, manifest, fail);
  try {
    const app = readAppTrees(request.folder, fail);
    addExtras(app, request, fail);
    const program = renameStripped(request.folder, chosen);
    const runtime = loadRuntime(runtimeName, nodePath, fail);
    if (runtimeName !== 'node') for (const tree of [app.modules, app.app]) addNeededLibraries(runtime.tree, tree, fail);
    const host = hostTrees(request, runtime.tree, app, program, fail);
    const layers = [
      ...host.map((tree) => cachedLayer(tree, layout)),
      ...[app.modules, app.app].filter(hasNodes).map((tree) => writeLayer(tree, layout.blobs)),
    ];
    return store(layout, request, layers, program, runtime.environment(request.folder));
  } catch (error) {
    throw asPackFailed(error, fail);
  }
}

const firstWord = ({ entrypoint, command }: Program): string => entrypoint[0] ?? command[0] ?? '';

const hasNodes = (tree: Tree): boolean => tree.nodes.size > 0;

function checkFolder(folder: string, fail: Fail): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    fail('there is no such folder', 'Correct build: in the app file.');
}

function chooseRuntime(request: PackRequest, manifest: PackageJson | undefined, program: Program): RuntimeName {
  if (request.runtime !== 'auto') return request.runtime;
  const first = firstWord(program);
  if (/^python3?$/.test(first)) return 'python';
  if (first === 'perl') return 'perl';
  const isNode =
    manifest !== undefined ||
    first === 'node' ||
    readdirSync(request.folder).some((name) => /\.[mc]?[jt]s$/.test(name));
  return isNode ? 'node' : 'none';
}

/** Layers of host files, the lowest first; none repeats what a lower one has. */
function hostTrees(request: PackRequest, runtime: Tree, app: AppTrees, program: Program, fail: Fail): readonly Tree[] {
  const skeleton = skeletonTree();
  const included = createTree();
  for (const path of request.include) includeHostPath(included, path, fail);
  ensureProgram(firstWord(program), [skeleton, runtime, app.modules, app.app], included, fail);
  return [skeleton, subtract(runtime, skeleton), subtract(subtract(included, runtime), skeleton)].filter(hasNodes);
}

function addExtras(app: AppTrees, request: PackRequest, fail: Fail): void {
  for (const extra of request.extra ?? []) {
    const target = posix.resolve(`/${appFolder}`, extra.targetPath).slice(1);
    if ('text' in extra)
      app.modules.set(target, { type: 'file', mode: 0o644, content: { bytes: Buffer.from(extra.text) } });
    else addExtraFolder(app.modules, extra.sourceFolder, target, fail);
  }
}

function store(
  layout: Layout,
  request: PackRequest,
  layers: readonly StoredBlob[],
  program: Program,
  environment: Readonly<Record<string, string>>,
): StoredImage {
  const config: ImageConfig = {
    ...program,
    env: { PATH: searchPath.join(':'), ...environment, ...request.env },
    workdir: `/${appFolder}`,
    user: '',
    exposedPorts: request.exposedPorts ?? [],
    labels: request.labels ?? {},
    volumes: [],
  };
  const file = toConfigFile(
    config,
    architectureOf(process.arch),
    layers.map(({ digest }) => digest),
  );
  return layout.add({ configBytes: Buffer.from(JSON.stringify(file)), layers, names: [request.reference] });
}

/** A file of the folder that cannot be read, or that changes meanwhile, is the folder's fault; a full disk is not. */
function asPackFailed(error: unknown, fail: Fail): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (error instanceof MinkeError || code === undefined || !['ENOENT', 'EACCES', 'ELOOP', 'ENOTDIR'].includes(code))
    return error;
  return fail(
    error instanceof Error ? error.message : String(error),
    'Make the file readable, or name it in .minkeignore.',
  );
}
