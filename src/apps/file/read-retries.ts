import { mostRetries } from '../../model/run.ts';
import type { RetriesModel } from '../../model/app.ts';
import { openMap, type Reader } from './fields.ts';
import { parseDuration } from './quantities.ts';
import { readInteger, readTimeLimit, scalar } from './readers.ts';

export const defaultRetries: RetriesModel = {
  max: 0,
  firstMs: 1000,
  longestMs: 60_000,
  maxAgeMs: 24 * 60 * 60 * 1000,
};

export const readRetries: Reader<RetriesModel> = (node, problems) => {
  const fields = openMap(node, { known: ['max', 'backoff', 'max-age'] }, problems);
  if (fields === undefined) return undefined;
  const max = fields.read('max', readInteger(0, mostRetries)) ?? defaultRetries.max;
  const maxAgeMs = fields.read('max-age', readTimeLimit) ?? defaultRetries.maxAgeMs;
  return { ...defaultRetries, max, ...fields.read('backoff', readRange), maxAgeMs };
};

const readRange = scalar('a range of times', 'Write 1s..1m.', (text) => {
  const [firstMs, longestMs, ...rest] = text.split('..').map((part) => parseDuration(part));
  if (rest.length > 0 || firstMs === undefined || longestMs === undefined || firstMs > longestMs) return undefined;
  return { firstMs, longestMs };
});
