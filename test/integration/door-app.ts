import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadBusybox } from './door-images.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

export interface DoorApp {
  readonly daemon: TestDaemon;
  /** Ends it; resolves with what is left of it on the host. */
  purge(): Promise<readonly string[]>;
}

/** A daemon with the app of test/fixtures/apps/door. Its callers carry the `dockerode` that this repository is tested with. */
export async function startDoorApp(): Promise<DoorApp> {
  const folder = mkdtempSync(join(tmpdir(), 'minke-door-app-'));
  cpSync(join(repository, 'test/fixtures/apps/door'), folder, { recursive: true });
  copyPackage('dockerode', join(folder, 'caller/node_modules'));
  const daemon = await startDaemon();
  await loadBusybox(daemon, ['busybox', 'img', 'acme/record', 'acme/echo', 'acme/idle', 'acme/secret', 'acme/twins']);
  await daemon.up(join(folder, 'compose.yaml'));
  return {
    daemon,
    purge: async () => {
      rmSync(folder, { recursive: true, force: true });
      return await daemon.purge();
    },
  };
}

/** With all that it depends on: npm has them side by side. Optional ones (native code) are left out. */
function copyPackage(name: string, modules: string, from = join(repository, 'node_modules')): void {
  if (existsSync(join(modules, name))) return;
  cpSync(join(from, name), join(modules, name), { recursive: true, verbatimSymlinks: true });
  const { dependencies = {} } = JSON.parse(readFileSync(join(from, name, 'package.json'), 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  for (const one of Object.keys(dependencies)) {
    const isNested = existsSync(join(from, name, 'node_modules', one));
    if (!isNested) copyPackage(one, modules, from);
  }
}
