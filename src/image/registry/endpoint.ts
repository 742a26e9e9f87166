import { MinkeError } from '../../errors/index.ts';
import type { Reference } from '../layout/reference.ts';

/** Where the images of a registry are asked for. */
export interface Endpoint {
  /** As the image's name has it: `docker.io`, `localhost:5000`. */
  readonly host: string;
  /** `https://HOST`, or `http://HOST` for a registry on this machine. */
  readonly origin: string;
  readonly isLoopback: boolean;
}

/** As Docker does it: plain HTTP for loopback alone, TLS for everybody else. */
export function endpointOf({ host }: Pick<Reference, 'host'>): Endpoint {
  const isLoopback = isLoopbackName(hostnameOf(host));
  const real = host === 'docker.io' ? dockerHub : host;
  return { host, origin: `${isLoopback ? 'http' : 'https'}://${real}`, isLoopback };
}

/**
 * A redirect or a token server that the registry named: TLS, unless the registry itself lies on this machine. One outside has
 * no say over what minke asks of this machine's own ports.
 */
export function resolveLocation(location: string, base: URL, endpoint: Endpoint, image: string): URL {
  const url = URL.parse(location, base.href);
  const isPlainAndHere = url?.protocol === 'http:' && endpoint.isLoopback && isLoopbackName(url.hostname);
  if (url !== null && (url.protocol === 'https:' || isPlainAndHere)) return url;
  const reason = `it sends minke on to ${location}, and plain HTTP is only for registries on this machine`;
  throw new MinkeError('REGISTRY_FAILED', { image, registry: endpoint.host, reason });
}

/** The registry behind the name `docker.io`. */
const dockerHub = 'registry-1.docker.io';

const hostnameOf = (host: string): string => host.replace(/:\d+$/, '');

function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
