import { MinkeError } from '../../errors/index.ts';
import { isDigest, type Digest } from './digest.ts';

/** What an image is called, with everything filled in that Docker fills in. */
export interface Reference {
  /** `docker.io` where none was given. */
  readonly host: string;
  /** `library/busybox` for `busybox` on docker.io. */
  readonly path: string;
  /** `latest` where neither tag nor digest was given; undefined with a digest alone. */
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/** Throws IMAGE_INVALID for what Docker would not accept as a name. */
export function parseReference(text: string): Reference {
  const match = shape.exec(text);
  const groups = match?.groups;
  if (groups?.['name'] === undefined) throw refused(text);
  const { name, tag, digest } = groups;
  if (digest !== undefined && !isDigest(digest)) throw refused(text);
  const { host, path } = splitHost(name);
  if (!hostShape.test(host) || !pathShape.test(path)) throw refused(text);
  return { host, path, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest };
}

/** `docker.io/library/busybox:latest`: one spelling for all ways to say it; the name that the index holds. */
export const fullName = ({ host, path, tag }: Reference): string =>
  `${host}/${path}${tag === undefined ? '' : `:${tag}`}`;

/** As people read it: `busybox:latest`. */
export function shortName(full: string): string {
  return full.replace(/^docker\.io\/(library\/(?=[^/]+$))?/, '');
}

const shape = /^(?<name>[^@]+?)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>[^@]+))?$/;
const hostShape = /^[a-z0-9-]+(\.[a-z0-9-]+)*(:\d+)?$/i;
const pathShape = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;

/** The first part is a host when it looks like one: a dot, a port, or `localhost`. */
function splitHost(name: string): { host: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = first === 'localhost' || /[.:]/.test(first);
  const host = isHost && first !== 'index.docker.io' ? first : 'docker.io';
  const path = isHost ? name.slice(slash + 1) : name;
  return { host, path: host === 'docker.io' && !path.includes('/') ? `library/${path}` : path };
}

function refused(image: string): MinkeError {
  return new MinkeError('IMAGE_INVALID', {
    image,
    reason: 'it is not an image name: NAME, NAME:TAG or NAME@sha256:DIGEST, in lower case',
  });
}
