import { addressFromEnv, type Environment } from './address.ts';
import { call, type CallOptions } from './call.ts';
import { run, type Arguments, type RunOptions, type Target } from './run.ts';
import { createRuns, type Runs } from './runs.ts';
import { self, type Self } from './self.ts';
import { createTransport, type Transport } from './transport.ts';

/**
 * One daemon, or from inside a function what its app file lets it do. Everything rejects with MinkeError:
 * DAEMON_UNREACHABLE when nobody answers, CONNECTION_LOST when the connection breaks.
 */
export interface Minke {
  /**
   * Runs a function or an image to its end and answers exactly what it wrote to stdout; with `detach` at once its id.
   * Anything but success rejects with RunError.
   */
  run(target: Target, args: Arguments | undefined, options: RunOptions & { detach: true }): Promise<{ id: string }>;
  run(target: Target, args: Arguments | undefined, options: RunOptions & { encoding: 'buffer' }): Promise<Buffer>;
  run(target: Target, args?: Arguments, options?: RunOptions & { detach?: false; encoding?: 'utf8' }): Promise<string>;
  /** Calls a function of any kind: JSON in, JSON out. `T` is what the caller expects; nothing checks it. */
  call<T = unknown>(name: string, json?: unknown, options?: CallOptions & { answer?: 'json' }): Promise<T>;
  call(name: string, json: unknown, options: CallOptions & { answer: 'text' }): Promise<string>;
  call(name: string, json: unknown, options: CallOptions & { answer: 'buffer' }): Promise<Buffer>;
  readonly runs: Runs;
  /** Inside a container of an app that has `may-run` or `api: true`; BAD_REQUEST for everybody else. */
  self(): Promise<Self>;
}

/** The daemon of MINKE_API (`unix:///path` or `http://host:port`), else the one of this machine. Connects when first used. */
export function fromEnv(env: Environment = process.env): Minke {
  return createMinke(createTransport(addressFromEnv(env)), env.MINKE_APP);
}

export function createMinke(transport: Transport, app?: string): Minke {
  const inApp = <T extends { readonly app?: string }>(options: T): T =>
    app === undefined ? options : { app, ...options };
  const minke = {
    run: (target: Target, args: Arguments = [], options: RunOptions = {}) =>
      run(transport, target, args, inApp(options)),
    call: (name: string, json?: unknown, options: CallOptions = {}) => call(transport, name, json, inApp(options)),
    runs: createRuns(transport),
    self: () => self(transport),
  };
  // The overloads say which option yields which answer; one body cannot.
  return minke as Minke;
}
