import type { Reader } from './fields.ts';
import { wordsFor, type Place } from './node.ts';
import { readAlias } from './read-networks.ts';
import { readList } from './readers.ts';

export interface ReadLink {
  readonly service: string;
  /** What it is called in this service's containers, if not its own name. */
  readonly alias: string | undefined;
  readonly at: Place;
}

/** `links` of older files: `db`, or `db:database`. The other is started first, as with `depends_on`. */
export const readLinks: Reader<readonly ReadLink[]> = readList((node, problems) => {
  const [service = '', alias, ...rest] = node.kind === 'scalar' ? node.text.split(':') : [];
  if (node.kind !== 'scalar' || service === '' || rest.length > 0) {
    return problems.badValue(node.at, wordsFor(node), 'it must be SERVICE or SERVICE:ALIAS', 'Write - db:database.');
  }
  const known = alias === undefined ? undefined : readAlias({ ...node, text: alias }, problems);
  return { service, alias: known === service ? undefined : known, at: node.at };
});
