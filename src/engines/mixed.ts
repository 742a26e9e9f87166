import type { Id } from '../model/ids.ts';
import type { Controls } from './controls.ts';
import type { Engine, Instance, Preparation } from './engine.ts';

export interface MixedOptions {
  /** Has the networks of both, and the instances for which a start must be a matter of moments. */
  readonly sandbox: Engine;
  /** Has its instances in the sandbox's networks, and all that stays. */
  readonly docker: Engine;
}

/**
 * Two engines as one: requests and tasks, which have a fresh container each, are on the sandbox, all else is on Docker, unless a
 * spec insists. Names lead to either, since the networks are the same.
 */
export function createMixedEngine({ sandbox, docker }: MixedOptions): Engine {
  /** Where instances are that somebody may still ask for. */
  const homes = new Map<Id, Engine>();
  /** One that nobody knows of is for the sandbox to say so. */
  const of = (id: Id): Engine => homes.get(id) ?? sandbox;

  const engineFor = ({ engine, kind }: Preparation): Engine => {
    const suiting = kind === 'cgi' || kind === 'task' ? 'sandbox' : 'docker';
    return (engine ?? suiting) === 'docker' ? docker : sandbox;
  };

  const keep = (engine: Engine, instance: Instance): Instance => {
    const { id } = instance.handle;
    homes.set(id, engine);
    // Nothing is left of an instance with pipes.
    if (instance.stdout !== undefined) void instance.exited.then(() => homes.delete(id));
    return instance;
  };

  const recoverOf = async (engine: Engine): Promise<readonly Instance[]> => {
    const found = await engine.recover();
    for (const id of await engine.ended()) homes.set(id, engine);
    return found.map((instance) => keep(engine, instance));
  };

  return {
    describe: () => {
      const [{ details: theirs }, { details: ours }] = [docker.describe(), sandbox.describe()];
      const details = { ...theirs, functions: Object.values(ours).join(', cgroups ') };
      return { name: 'docker', engines: ['docker', 'sandbox'], details };
    },
    prepare: async (spec, signal) => await engineFor(spec).prepare?.(spec, signal),
    start: async (spec, signal) => {
      const engine = engineFor(spec);
      return keep(engine, await engine.start(spec, signal));
    },
    stop: async (id, graceMs) => await of(id).stop(id, graceMs),
    kill: async (id, number) => await of(id).kill(id, number),
    inspect: async (id) => await of(id).inspect(id),
    execute: async (id, command, signal) => await of(id).execute(id, command, signal),
    // One after the other: what the sandbox finds in a network that Docker's has is not its own.
    recover: async () => [...(await recoverOf(docker)), ...(await recoverOf(sandbox))],
    ended: async () => [...(await docker.ended()), ...(await sandbox.ended())],
    remove: async (id) => {
      await of(id).remove(id);
      homes.delete(id);
    },
    logs: {
      read: (id, options) => of(id).logs.read(id, options),
      keptBytes: async (id) => (await of(id).logs.keptBytes?.(id)) ?? 0,
    },
    networks: sandbox.networks,
    ...(docker.roots === undefined ? {} : { roots: docker.roots }),
    ...controlsFor([docker, sandbox], of),
    close: async (how) => {
      await docker.close(how);
      await sandbox.close(how);
    },
  };
}

/** Only where both have them. */
function controlsFor(engines: readonly Engine[], of: (id: Id) => Engine): Pick<Engine, 'controls'> {
  if (engines.some(({ controls }) => controls === undefined)) return {};
  const at = (id: Id): Controls => of(id).controls as Controls;
  return {
    controls: {
      pause: async (id) => await at(id).pause(id),
      resume: async (id) => await at(id).resume(id),
      isPaused: (id) => at(id).isPaused(id),
      resize: (id, size) => at(id).resize(id, size),
      limit: async (id, limits) => await at(id).limit(id, limits),
      measure: async (id) => await at(id).measure(id),
      processes: (id) => at(id).processes(id),
    },
  };
}
