import type { Transport } from './transport.ts';
import { isSettled, type Ledger, type Run, type RunFilter } from './types.ts';

export interface Runs {
  /** RUN_NOT_FOUND when there is none. The first digits of an id are enough where only one run has them. */
  get(id: string): Promise<Run>;
  list(filter?: RunFilter): Promise<readonly Run[]>;
  /** The settled run; with `timeout` (milliseconds) possibly one that is not settled yet. */
  wait(id: string, options?: WaitOptions): Promise<Run>;
  /** What it wrote, chunk by chunk; with `follow` until its end. */
  logs(id: string, options?: LogOptions): AsyncIterable<LogChunk>;
  /** stdout of a settled run, byte for byte. */
  result(id: string): Promise<Buffer>;
  /** RUN_STATE when it is settled already. */
  cancel(id: string): Promise<void>;
  /** Does a settled run once more: the new run, or the one that does so already. RUN_STATE before it is settled. */
  retry(id: string): Promise<Run>;
  /** With its logs and result. RUN_STATE before it is settled. */
  remove(id: string): Promise<void>;
  ledger(): Promise<Ledger>;
}

export interface WaitOptions {
  /** Milliseconds. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

export interface LogOptions {
  readonly follow?: boolean;
  /** Default: both. */
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** Only what this attempt wrote, from 1; default: the one under way, or the last. */
  readonly attempt?: number;
  readonly signal?: AbortSignal;
}

export interface LogChunk {
  readonly stream: 'stdout' | 'stderr';
  /** Unix milliseconds. */
  readonly at: number;
  /** Bytes as they were written: neither a whole line nor a whole character is promised. */
  readonly data: Buffer;
}

export function createRuns(transport: Transport): Runs {
  return {
    get: async (id) => (await transport.json<RunAnswer>('run', at(id))).run,
    list: async (filter = {}) => (await transport.json<RunsAnswer>('runList', { query: { ...filter } })).runs,
    wait: (id, options = {}) => wait(transport, id, options),
    logs: (id, options = {}) => logs(transport, id, options),
    result: (id) => transport.bytes('runResult', at(id)),
    cancel: async (id) => {
      await transport.bytes('runCancel', at(id));
    },
    retry: async (id) => (await transport.json<RunAnswer>('runRetry', at(id))).run,
    remove: async (id) => {
      await transport.bytes('runRemove', at(id));
    },
    ledger: async () => await transport.json<Ledger>('ledger'),
  };
}

const at = (id: string): { parameters: { run: string } } => ({ parameters: { run: id } });

export interface RunAnswer {
  readonly run: Run;
}

interface RunsAnswer {
  readonly runs: readonly Run[];
}

/** One question is held open no longer than this, so that a connection that died unseen is noticed. Milliseconds. */
const longPollMs = 30_000;

async function wait(transport: Transport, id: string, { timeout = Infinity, signal }: WaitOptions): Promise<Run> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const left = Math.max(0, deadline - performance.now());
    const query = { timeout: Math.ceil(Math.min(left, longPollMs)) };
    const { run } = await transport.json<RunAnswer>('runWait', { ...at(id), query, signal });
    if (isSettled(run.state) || performance.now() >= deadline) return run;
  }
}

async function* logs(transport: Transport, id: string, options: LogOptions): AsyncGenerator<LogChunk> {
  const { follow = false, stdout = true, stderr = true, attempt, signal } = options;
  const call = { ...at(id), query: { follow, stdout, stderr, attempt }, signal };
  for await (const line of transport.lines<WireChunk>('runLogs', call)) {
    yield { stream: line.stream, at: line.at, data: Buffer.from(line.data, 'base64') };
  }
}

/** A LogLine of the API, as far as a run needs it. */
interface WireChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly at: number;
  readonly data: string;
}
