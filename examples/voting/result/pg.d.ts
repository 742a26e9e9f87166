/** What this program uses of `pg`, which comes without types. */
declare module 'pg' {
  export class Client {
    constructor(options: { connectionTimeoutMillis: number; query_timeout: number });
    on(event: 'error', listener: (error: Error) => void): this;
    connect(): Promise<void>;
    query(text: string): Promise<{ rows: unknown[] }>;
    end(): Promise<void>;
  }
  export class DatabaseError extends Error {
    /** SQLSTATE. */
    readonly code: string | undefined;
  }
}
