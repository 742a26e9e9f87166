import type { AppNames } from '../../apps/deploy/step.ts';
import type { Engine, NamedConnection } from '../../engines/engine.ts';
import { createTurns } from './turns.ts';

/**
 * The one network of each app, which two know something of: the app itself, as it is deployed, and the containers from the Docker API
 * that are on it. It is there as long as one of them wants it.
 */
export interface AppNetworks {
  /** What this one of the two says from now on; undefined: nothing any more. Rejects as the engine does, and is then as before. */
  set(app: string, owner: NamesOwner, names: AppNames | undefined): Promise<void>;
  /** What the app itself has said; undefined = nothing in this life of the daemon. */
  of(app: string): AppNames | undefined;
}

export type NamesOwner = 'app' | 'containers';

export const noNames: AppNames = { names: [], networks: {}, ports: [] };

export function createAppNetworks(
  { networks }: Pick<Engine, 'networks'>,
  listener: (connection: NamedConnection) => void,
): AppNetworks {
  const all = new Map<string, Partial<Record<NamesOwner, AppNames>>>();
  const inTurn = createTurns();
  return {
    set: async (app, owner, names) =>
      await inTurn(app, async () => {
        const { [owner]: _, ...other } = all.get(app) ?? {};
        const wanted = names === undefined ? other : { ...other, [owner]: names };
        if (Object.keys(wanted).length === 0) await networks.remove(app);
        else await networks.ensure({ app, ...joined(wanted), listener });
        all.set(app, wanted);
      }),
    of: (app) => all.get(app)?.app,
  };
}

/** Where both call something the same on one network, the app's own comes first. */
function joined({ app = noNames, containers = noNames }: Partial<Record<NamesOwner, AppNames>>): AppNames {
  const found = new Set([...Object.keys(app.networks), ...Object.keys(containers.networks)]);
  return {
    names: [...app.names, ...containers.names],
    networks: Object.fromEntries(
      [...found].map((network) => [network, { ...containers.networks[network], ...app.networks[network] }]),
    ),
    ports: [...app.ports, ...containers.ports],
  };
}
