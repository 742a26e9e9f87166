import { existsSync, readdirSync } from 'node:fs';
import { dockerSocket } from '../engines/docker/api/address.ts';
import { createDocker, type DockerOptions } from '../engines/docker/docker.ts';
import { placesFor as dockerPlaces } from '../engines/docker/places.ts';
import type { Engine } from '../engines/engine.ts';
import { hasRuntime } from '../engines/sandbox/require.ts';
import { createMixedEngine } from '../engines/mixed.ts';
import { placesFor as sandboxPlaces } from '../engines/sandbox/places.ts';
import type { RuntimeName } from '../engines/sandbox/runtime/runtime.ts';
import { createSandbox, type SandboxOptions } from '../engines/sandbox/sandbox.ts';
import { MinkeError } from '../errors/index.ts';
import type { ImageStore } from '../image/store.ts';
import type { ReadyImage } from '../model/instance.ts';
import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';

/** Which engine a daemon is to have; absent: the sandbox. */
export type EngineChoice =
  | { readonly name: 'sandbox'; readonly runtime?: RuntimeName }
  /** `dockerHost`: as DOCKER_HOST. */
  | { readonly name: 'docker'; readonly dockerHost?: string };

export interface EngineMeans {
  readonly dataFolder: string;
  readonly images: ImageStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** @throws CONFLICT while instances of another engine live with this data folder: nobody would know of them */
export async function createEngine(
  choice: EngineChoice,
  { dataFolder, images, clock, log }: EngineMeans,
): Promise<Engine> {
  const [sandbox, docker] = [sandboxPlaces(dataFolder), dockerPlaces(dataFolder)];
  if (choice.name === 'sandbox') {
    refuseOthers('docker', docker.live);
    const { runtime } = choice;
    return await createSandbox({ dataFolder, clock, log, ...(runtime === undefined ? {} : { runtime }) });
  }
  const options = {
    dataFolder,
    socketPath: dockerSocket(choice.dockerHost),
    archiveOf: async (image: ReadyImage, name: string) => await images.save(image.id, [name]),
    clock,
    log,
  };
  if (hasRuntime(functionRuntime))
    return await createBoth({ dataFolder, clock, log, runtime: functionRuntime }, options);
  refuseOthers('sandbox', sandbox.live);
  return await createDocker(options);
}

/** Only with this one does the sandbox start a container so much sooner than Docker that it is worth having two engines. */
const functionRuntime = 'crun';

/** Services on Docker; requests and tasks, each of which has a container of its own, on the sandbox. */
async function createBoth(forSandbox: SandboxOptions, forDocker: DockerOptions): Promise<Engine> {
  const sandbox = await createSandbox(forSandbox);
  try {
    const shared = { networks: sandbox.networks, folder: sandboxPlaces(forSandbox.dataFolder).net };
    return createMixedEngine({ sandbox, docker: await createDocker({ ...forDocker, shared }) });
  } catch (error) {
    await sandbox.close({ purge: false });
    throw error;
  }
}

function refuseOthers(engine: EngineChoice['name'], live: string): void {
  if (!existsSync(live) || readdirSync(live).length === 0) return;
  throw new MinkeError('CONFLICT', {
    reason: `Instances live here on the engine "${engine}": serve with that one, and end them by minke shutdown first`,
  });
}
