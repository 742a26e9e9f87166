import type { StatusAnswer } from '../../api/types.ts';
import type { AppModel } from '../../model/app.ts';

export interface NamedAddress {
  readonly name: string;
  readonly url: string;
}

/** Where the gateway answers for an app: one URL for each route. */
export function addressesOf(model: AppModel, gateway: StatusAnswer['gateway']): readonly NamedAddress[] {
  return Object.values(model.services).flatMap(({ name, routes }) =>
    routes.map(({ host, prefix }) => ({
      name,
      url: `http://${host ?? hostOf(gateway.host)}:${gateway.port}${prefix}`,
    })),
  );
}

/** A name that a browser on this machine can open. */
function hostOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
