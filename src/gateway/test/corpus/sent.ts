/** Bytes for a raw connection, and what must come of them, whoever reads HTTP. */
export interface Sent {
  readonly name: string;
  /** Latin-1. The probe follows at once. */
  readonly bytes: string;
  /** The requests that reach the function whole, the probe included where it is to be one of its own. */
  readonly reaches: readonly Reached[];
  /** The status of each answer, 1xx included. */
  readonly answers: readonly number[];
  /** What no function may be told, in a header or a variable. */
  readonly hides?: string;
  /** HAProxy refuses this: why minke need not. */
  readonly harmless?: string;
}

export interface Reached {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/**
 * Sent behind everything: where a request ends too late this becomes a part of it, and where it ends too soon what was left of it
 * stands before this. The connection ends with its answer.
 */
export const probe = 'GET /probe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

const probed: Reached = { method: 'GET', target: '/probe', body: '' };

/** Nothing of it reaches a function, and the connection is closed. */
export const refused = (name: string, bytes: string, status = 400): Sent => ({
  name,
  bytes,
  reaches: [],
  answers: [status],
});

/** Each of it is a request of its own, and the connection goes on. */
export const accepted = (name: string, bytes: string, ...reaches: readonly Reached[]): Sent => ({
  name,
  bytes,
  reaches: [...reaches, probed],
  answers: [...reaches.map(() => 200), 200],
});

/** The last of it closes the connection: the probe is never looked at. */
export const closing = (name: string, bytes: string, ...reaches: readonly Reached[]): Sent => ({
  name,
  bytes,
  reaches,
  answers: reaches.map(() => 200),
});

export const get = (target = '/'): Reached => ({ method: 'GET', target, body: '' });

export const post = (body: string, target = '/'): Reached => ({ method: 'POST', target, body });

/** A POST to "/" with these lines behind its Host. */
export const posted = (lines: string, body = ''): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n${body}`;

/** A GET of "/" with these lines behind its Host. */
export const got = (lines: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`;

/** What an attacker wants to be read as a request of its own. */
export const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
