import { MinkeError } from '../errors/index.ts';
import { readCreateBody } from './create-body.ts';
import type { CreateFields } from './create-fields.ts';
import type { AskedBody } from './decision.ts';
import type { JsonObject } from './json.ts';

/**
 * A body at the operator's door: everything that can work. What cannot is named, never left out in silence.
 *
 * @throws NOT_SUPPORTED with the field, BAD_REQUEST, BODY_TOO_LARGE
 */
export function readOperatorBody(body: AskedBody, fields: CreateFields, call: string): JsonObject {
  if (body.kind === 'oversized') throw new MinkeError('BODY_TOO_LARGE', { limit: `${body.limitBytes} bytes` });
  if (body.kind === 'malformed') throw new MinkeError('BAD_REQUEST', { reason: body.reason });
  if (body.kind === 'none') throw new MinkeError('BAD_REQUEST', { reason: `${call} takes a JSON object` });
  const { value, present, unknown } = readCreateBody(body.parsed, fields);
  const strange = unknown.find(({ isNeutral }) => !isNeutral);
  if (strange !== undefined)
    throw new MinkeError('NOT_SUPPORTED', {
      what: strange.path,
      reason: 'it is not a field of the Docker API that is known here',
    });
  const closed = present.find(({ field }) => field.use === 'refused');
  if (closed !== undefined) throw new MinkeError('NOT_SUPPORTED', { what: closed.path, reason: closed.field.reason });
  return value;
}
