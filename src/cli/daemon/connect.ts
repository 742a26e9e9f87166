import { addressFromEnv } from '../../sdk/address.ts';
import { createMinke, type Minke } from '../../sdk/minke.ts';
import { createTransport, type Transport } from '../../sdk/transport.ts';
import type { Context } from '../command/context.ts';

export interface Daemon {
  /** Every route by name. */
  readonly api: Transport;
  readonly minke: Minke;
}

/** The daemon that the environment names. Nothing is sent before it is used. */
export function connect({ env }: Context): Daemon {
  const api = createTransport(addressFromEnv(env));
  return { api, minke: createMinke(api, env.MINKE_APP) };
}
