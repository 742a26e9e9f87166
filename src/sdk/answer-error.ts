import type { IncomingMessage } from 'node:http';
import { fromErrorBody, MinkeError, type ErrorBody } from '../errors/index.ts';

/** How the API answers a failure; app files may have several problems at once. */
export interface ErrorAnswer {
  readonly error: ErrorBody;
  readonly problems?: readonly ErrorBody[];
}

/** The error in an answer beyond 2xx; `name` is who was to answer. Several problems travel as its cause. */
export function errorOf(name: string, answer: IncomingMessage, body: Buffer): MinkeError {
  const parsed = parse(body);
  return parsed === undefined ? foreignAnswer(name, answer, body) : errorWithProblems(parsed);
}

export function errorWithProblems({ error, problems = [] }: ErrorAnswer): MinkeError {
  const made = fromErrorBody(error);
  if (problems.length > 0) made.cause = new AggregateError(problems.map(fromErrorBody), made.message);
  return made;
}

/** Every problem that an error stands for: itself when it came alone. */
export function problemsOf(error: MinkeError): readonly MinkeError[] {
  if (!(error.cause instanceof AggregateError)) return [error];
  return error.cause.errors.filter((one: unknown): one is MinkeError => one instanceof MinkeError);
}

function parse(body: Buffer): ErrorAnswer | undefined {
  try {
    const answer = JSON.parse(body.toString()) as Partial<ErrorAnswer> | null;
    const isOurs = typeof answer?.error?.code === 'string' && typeof answer.error.message === 'string';
    return isOurs ? (answer as ErrorAnswer) : undefined;
  } catch {
    return undefined;
  }
}

/** Something answered, but not in our words: a function's own failure, a proxy, or another server altogether. */
function foreignAnswer(name: string, answer: IncomingMessage, body: Buffer): MinkeError {
  const status = answer.statusCode ?? 0;
  const text = body.toString().trim().slice(0, 200);
  const reason = `HTTP ${status} ${answer.statusMessage ?? ''}`.trim() + (text === '' ? '' : `: ${text}`);
  return new MinkeError('UPSTREAM_FAILED', { name, reason, status });
}
