import { MinkeError } from '../../errors/index.ts';
import type { InstanceSpec } from '../../model/instance.ts';
import { DockerRefusal, isRefusal } from './api/client.ts';
import type { InspectedContainer, ListedContainer } from './api/types.ts';
import type { Context } from './context.ts';
import { labels } from './record.ts';

/** The engine's calls about one container. What is not there any more is undefined, or as good as done. */

type Means = Pick<Context, 'client'>;

/**
 * Makes a container of the spec's image, which is loaded once more where somebody has taken it out of the engine.
 * @throws INSTANCE_START_FAILED
 */
export async function createOf(
  { client, images }: Pick<Context, 'client' | 'images'>,
  spec: Pick<InstanceSpec, 'name' | 'image'>,
  name: string,
  body: object,
): Promise<void> {
  const create = async (): Promise<unknown> =>
    await client.call({ method: 'POST', path: '/containers/create', query: { name }, body });
  try {
    await create();
  } catch (error) {
    if (!isRefusal(error, 404)) throw startFailure(spec.name, error);
    images.forget(spec.image);
    await images.ensure(spec.image);
    await create().catch((again: unknown) => {
      throw startFailure(spec.name, again);
    });
  }
}

/** @throws INSTANCE_START_FAILED, in the words of the engine and its runtime */
export async function startContainer({ client }: Means, container: string, name: string): Promise<void> {
  try {
    await client.call({ method: 'POST', path: `/containers/${container}/start` });
  } catch (error) {
    throw startFailure(name, error);
  }
}

export function startFailure(name: string, error: unknown): unknown {
  if (!(error instanceof DockerRefusal)) return error;
  return new MinkeError('INSTANCE_START_FAILED', { name, reason: error.message }, { cause: error });
}

export async function inspectContainer({ client }: Means, name: string): Promise<InspectedContainer | undefined> {
  return await unlessGone(client.call<InspectedContainer>({ method: 'GET', path: `/containers/${name}/json` }));
}

/** False when nothing lives there to be signalled. */
export async function signalContainer({ client }: Means, name: string, signalNumber: number): Promise<boolean> {
  try {
    const query = { signal: String(signalNumber) };
    await client.call({ method: 'POST', path: `/containers/${name}/kill`, query });
    return true;
  } catch (error) {
    if (isRefusal(error, 404, 409)) return false;
    throw error;
  }
}

/** Kills it where it lives, and keeps it. */
export async function endContainer(context: Means, name: string): Promise<void> {
  const kill = 9;
  if (await signalContainer(context, name, kill))
    await unlessGone(context.client.call({ method: 'POST', path: `/containers/${name}/wait` }));
}

export async function renameContainer({ client }: Means, from: string, name: string): Promise<void> {
  await unlessGone(client.call({ method: 'POST', path: `/containers/${from}/rename`, query: { name } }));
}

/** With what it wrote, its layer and the volumes that only it has; killed where it lives. */
export async function removeContainer({ client }: Means, name: string): Promise<void> {
  const removing = client.call({ method: 'DELETE', path: `/containers/${name}`, query: { force: '1', v: '1' } });
  try {
    await unlessGone(removing);
  } catch (error) {
    // Somebody else is removing it, and we want it gone.
    if (!isRefusal(error, 409)) throw error;
    await unlessGone(
      client.call({ method: 'POST', path: `/containers/${name}/wait`, query: { condition: 'removed' } }),
    );
  }
}

/** All of this daemon's, the ended ones too. */
export async function listContainers({ client, places }: Pick<Context, 'client' | 'places'>) {
  const filters = JSON.stringify({ label: [`${labels.owner}=${places.owner}`] });
  const found = await client.call<readonly ListedContainer[]>({
    method: 'GET',
    path: '/containers/json',
    query: { all: '1', filters },
  });
  // A label may come from an image that somebody made of a container of ours.
  return found.filter(({ Names }) => Names.some((name) => name.startsWith(`/minke-${places.owner}-`)));
}

async function unlessGone<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}
