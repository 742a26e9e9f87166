import { catalogue, type ErrorCode, type ErrorEntry } from './catalogue.ts';

/** Values that fill the `{placeholders}` of an entry's text, and travel with the error as `facts`. */
export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The one error class of minke. Its text, HTTP status, exit code and hint come from the catalogue, so that every face
 * (HTTP, CLI, Docker API) says the same thing about the same failure.
 */
export class MinkeError extends Error {
  override readonly name: string = 'MinkeError';
  readonly code: ErrorCode;
  readonly facts: Facts;

  constructor(code: ErrorCode, facts: Facts = {}, options: { cause?: unknown } = {}) {
    super(fill(catalogue[code].text, facts), options);
    this.code = code;
    this.facts = facts;
  }

  get entry(): ErrorEntry {
    return catalogue[this.code];
  }

  /** What the user can do about it; undefined where there is nothing to say, or where a fact that it needs is not known. */
  get hint(): string | undefined {
    const { hint } = this.entry;
    const isKnown = [...(hint ?? '').matchAll(/\{(\w+)\}/g)].every(([, key = '']) => this.facts[key] !== undefined);
    return hint === undefined || !isKnown ? undefined : fill(hint, this.facts);
  }

  toJSON(): ErrorBody {
    const { hint } = this;
    return {
      code: this.code,
      message: this.message,
      facts: this.facts,
      ...(hint === undefined ? {} : { hint }),
    };
  }
}

/** The error as it travels over HTTP (`{"error": ErrorBody}`) and in a run's row. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly facts?: Facts;
}

/** Any thrown thing as a MinkeError; what is not ours becomes INTERNAL with its cause kept. */
export function toMinkeError(thrown: unknown): MinkeError {
  if (thrown instanceof MinkeError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new MinkeError('INTERNAL', { reason }, { cause: thrown });
}

/** A MinkeError made again from what came over the wire. */
export function fromErrorBody(body: ErrorBody): MinkeError {
  if (!Object.hasOwn(catalogue, body.code)) return new MinkeError('INTERNAL', { reason: body.message });
  const error = new MinkeError(body.code, body.facts ?? {});
  error.message = body.message;
  return error;
}

function fill(text: string, facts: Facts): string {
  return text.replace(/\{(\w+)\}/g, (_, key: string) => String(facts[key] ?? `{${key}}`));
}
