import type { RouteModel } from '../../model/app.ts';
import type { Reader } from './fields.ts';
import { wordsFor, type Place } from './node.ts';

export interface ReadRoute {
  readonly route: RouteModel;
  readonly at: Place;
}

/** `/prefix`, `host.name` or `host.name/prefix`. */
export const readRoute: Reader<ReadRoute> = (node, problems) => {
  const text = node.kind === 'scalar' ? node.text.trim() : '';
  const bad = (reason: string, mend: string): undefined => problems.badValue(node.at, wordsFor(node), reason, mend);
  const [, host = '', path = ''] = /^([^/]*)(\/.*)?$/.exec(text) ?? [];
  if (text === '' || /[\s?#*\\%]|\/\/|\/\.{1,2}(?:\/|$)/.test(text))
    return bad('it must be a path, a host, or both', 'Write "/prefix", "host.name" or "host.name/prefix".');
  if (host.includes(':')) return bad('a host of a route has no port', `Write "${host.split(':')[0]}${path}".`);
  if (host !== '' && host !== 'localhost' && !isHostName(host))
    return bad('it must begin with "/", or be the name of a host', `Did you mean "/${text}"?`);
  if (/^\/_(?:minke|handoff)(?:\/|$)/.test(path))
    return bad("paths below /_minke and /_handoff are minke's own", 'Choose another prefix.');
  const prefix = path.replace(/(?<=.)\/$/, '') || '/';
  return { route: host === '' ? { prefix } : { host: host.toLowerCase(), prefix }, at: node.at };
};

/** A name with a dot: a single word is far more often a path whose slash was forgotten. */
const isHostName = (host: string): boolean =>
  host.length <= 253 && /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(host);

export const routeText = ({ host = '', prefix }: RouteModel): string =>
  host !== '' && prefix === '/' ? host : `${host}${prefix}`;
