import { MinkeError } from '../errors/index.ts';
import { readCreateBody } from './create-body.ts';
import type { AskedBody } from './decision.ts';
import { translateCreate, type AskedContainer } from './translate.ts';

/**
 * What the operator may create: everything that can work. What cannot is named, never left out in silence.
 *
 * @throws NOT_SUPPORTED with the field, BAD_REQUEST, BODY_TOO_LARGE
 */
export function planOperatorCreate(body: AskedBody, name: string): AskedContainer {
  if (body.kind === 'oversized') throw new MinkeError('BODY_TOO_LARGE', { limit: `${body.limitBytes} bytes` });
  if (body.kind === 'malformed') throw new MinkeError('BAD_REQUEST', { reason: body.reason });
  if (body.kind === 'none') throw new MinkeError('BAD_REQUEST', { reason: 'containers/create takes a JSON object' });
  const { value, present, unknown } = readCreateBody(body.parsed);
  const strange = unknown.find(({ isNeutral }) => !isNeutral);
  if (strange !== undefined)
    throw new MinkeError('NOT_SUPPORTED', {
      what: strange.path,
      reason: 'it is not a field of the Docker API that is known here',
    });
  const closed = present.find(({ field }) => field.use === 'refused');
  if (closed !== undefined) throw new MinkeError('NOT_SUPPORTED', { what: closed.path, reason: closed.field.reason });
  return translateCreate(value, name);
}
