import type { ErrorCode } from '../errors/index.ts';
import type { ServiceKind } from '../model/app.ts';
import type { Id } from '../model/ids.ts';
import type { PhaseTimes } from './phases.ts';

/** What is told of a request when it is over: one record each, whatever became of it. */
export interface CallRecord {
  /** Unix milliseconds of its arrival. */
  readonly at: number;
  readonly requestId: string;
  readonly method: string;
  readonly authority: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly from: string;
  readonly app?: string;
  readonly name?: string;
  readonly kind?: ServiceKind;
  /** 499 = the client went before there was an answer. */
  readonly status: number;
  readonly error?: ErrorCode;
  readonly instance?: Id;
  readonly run?: Id;
  readonly exitCode?: number;
  /** The end of what a `cgi` function wrote there. */
  readonly stderr?: string;
  readonly phases: PhaseTimes;
}
