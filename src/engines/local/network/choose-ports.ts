import { MinkeError } from '../../../errors/index.ts';
import type { HostPort, WantedPort } from '../../engine.ts';
import { freePort, whyUnavailable } from '../host/listening.ts';
import { tapAddress } from './ruleset.ts';
import { listForwards, type Forward } from './slirp-api.ts';

/** A port of the host that is the app's, and the port of the app's own end that its traffic comes in by. */
export interface TakenPort extends HostPort {
  /** The file names it, or a range that it is of. */
  readonly isNamed: boolean;
  readonly guestPort: number;
}

export interface PortRequest {
  readonly wanted: readonly WantedPort[];
  readonly taken: readonly TakenPort[];
  /** Of the process that listens for the app. */
  readonly socket: string;
  /** Who has a port of the host, where that is another app. */
  readonly ownerOf: (port: Pick<HostPort, 'hostPort' | 'protocol'>) => string | undefined;
}

/**
 * Which ports of the host the app is to have: those that it has already where they fit, whoever they led to before, and for what
 * is left those that are free. Rejects with PORT_UNAVAILABLE. Takes nothing.
 */
export async function choosePorts(request: PortRequest): Promise<readonly TakenPort[]> {
  const { wanted, taken } = request;
  const chosen = new Map<WantedPort, TakenPort>();
  const isTaken = (one: TakenPort): boolean =>
    [...chosen.values()].some(({ guestPort }) => guestPort === one.guestPort);
  const lost = await lostPorts(request);
  const keep = (isFitting: (port: WantedPort, one: TakenPort) => boolean): void => {
    for (const port of wanted) {
      // Where there is a choice, what another has taken meanwhile is chosen no more.
      const isToBeHad = (one: TakenPort): boolean => hasNoChoice(port) || !lost.includes(one);
      const kept = chosen.has(port)
        ? undefined
        : taken.find((one) => !isTaken(one) && isFitting(port, one) && isToBeHad(one));
      const { name, containerPort } = port;
      if (kept !== undefined) chosen.set(port, { ...kept, name, containerPort, isNamed: isNamed(port) });
    }
  };
  keep((port, one) => isSamePlace(port, one) && port.name === one.name && port.containerPort === one.containerPort);
  keep((port, one) => isSamePlace(port, one) && isNamed(port));
  for (const port of wanted) {
    if (chosen.has(port)) continue;
    const hostPort = await findPort(port, [...chosen.values()], request);
    const guestPort = freeNumber([...taken, ...chosen.values()].map((one) => one.guestPort));
    const { name, containerPort, protocol } = port;
    chosen.set(port, {
      name,
      hostIp: hostIpOf(port),
      hostPort,
      containerPort,
      protocol,
      isNamed: isNamed(port),
      guestPort,
    });
  }
  return wanted.flatMap((port) => chosen.get(port) ?? []);
}

/** Ports that nobody listens at for the app any more, and that are another's now. */
async function lostPorts({ taken, socket }: PortRequest): Promise<readonly TakenPort[]> {
  if (taken.length === 0) return [];
  const held = await listForwards(socket).catch(() => []);
  const unheld = taken.filter((port) => !held.some((one) => isSame(forwardOf(port), one)));
  const isLost = await Promise.all(unheld.map(async (port) => (await whyUnavailable(port)) !== undefined));
  return unheld.filter((_, index) => isLost[index]);
}

/** With another number at the app's own end: what comes from now on belongs to no exchange of before. */
export function renumbered(ports: readonly TakenPort[], which: (port: TakenPort) => boolean): readonly TakenPort[] {
  const numbers = ports.map(({ guestPort }) => guestPort);
  return ports.map((port) => {
    if (!which(port)) return port;
    const guestPort = freeNumber(numbers);
    numbers.push(guestPort);
    return { ...port, guestPort };
  });
}

const hasNoChoice = ({ hostPorts }: WantedPort): boolean => hostPorts !== undefined && hostPorts[0] === hostPorts[1];

const everywhere = '0.0.0.0';
const hostIpOf = ({ hostIp = everywhere }: WantedPort): string => hostIp;

const isNamed = ({ hostPorts }: WantedPort): boolean => hostPorts !== undefined;

/** A number that somebody wrote, and then took out, is not kept for one that may be any. */
function isSamePlace(port: WantedPort, taken: TakenPort): boolean {
  if (port.protocol !== taken.protocol || hostIpOf(port) !== taken.hostIp) return false;
  const [first, last] = port.hostPorts ?? [taken.hostPort, taken.hostPort];
  return (isNamed(port) || !taken.isNamed) && first <= taken.hostPort && taken.hostPort <= last;
}

async function findPort(
  port: WantedPort,
  chosen: readonly TakenPort[],
  { taken, ownerOf }: PortRequest,
): Promise<number> {
  const hostIp = hostIpOf(port);
  const { protocol, hostPorts } = port;
  if (hostPorts === undefined) return await freePort({ hostIp, protocol });
  let reason = 'its other ports of the host are in the way';
  for (let hostPort = hostPorts[0]; hostPort <= hostPorts[1]; hostPort += 1) {
    const isOurs = (one: TakenPort): boolean => one.hostPort === hostPort && one.protocol === protocol;
    if (chosen.some((one) => isOurs(one) && overlaps(one.hostIp, hostIp))) continue;
    // What the app has itself and does not keep is given up for it.
    if (taken.some(isOurs)) return hostPort;
    const found = await whyUnavailable({ hostIp, hostPort, protocol });
    if (found === undefined) return hostPort;
    const owner = ownerOf({ hostPort, protocol });
    reason = owner === undefined ? found : `the app "${owner}" has it`;
  }
  throw unavailable(port, hostPorts[0] === hostPorts[1] ? hostPorts[0] : hostPorts.join('-'), reason);
}

const overlaps = (a: string, b: string): boolean => a === b || a === everywhere || b === everywhere;

export const unavailable = (
  port: Pick<WantedPort, 'name' | 'protocol' | 'hostIp'>,
  number: number | string,
  reason: string,
): MinkeError =>
  new MinkeError('PORT_UNAVAILABLE', {
    name: port.name,
    port: `${port.hostIp ?? everywhere}:${number}/${port.protocol}`,
    reason,
  });

function freeNumber(taken: readonly number[]): number {
  for (let number = 1; ; number += 1) if (!taken.includes(number)) return number;
}

export const forwardOf = ({ protocol, hostIp, hostPort, guestPort }: TakenPort): Forward => ({
  protocol,
  hostIp,
  hostPort,
  guestAddress: tapAddress,
  guestPort,
});

export const isSame = (a: Forward, b: Forward): boolean =>
  a.protocol === b.protocol && a.hostIp === b.hostIp && a.hostPort === b.hostPort && a.guestPort === b.guestPort;
