import type { ErrorBody } from '../errors/index.ts';
import type { AppModel } from '../model/app.ts';
import type { Health } from '../model/health.ts';
import type { Id } from '../model/ids.ts';
import type { InstanceKind } from '../model/instance.ts';
import type { RetryRules, RunOptions, RunTarget } from '../model/run.ts';
import type { ScheduleModel } from '../model/schedule.ts';
import type { LifeEnd } from '../model/service-end.ts';

/** Bodies of minke's own API; see routes.ts for which route takes or gives which. */

export interface StatusAnswer {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly dataFolder: string;
  /** What call-backs are signed with. */
  readonly callbackSecretFile: string;
  /** Short folder for sockets and what lives with the containers, where the engine keeps one. */
  readonly runFolder?: string;
  readonly engine: { readonly name: string; readonly details: Readonly<Record<string, string>> };
  readonly gateway: { readonly host: string; readonly port: number };
  readonly apps: number;
}

/** The daemon reads the files itself (it is on the same host); interpolation uses the caller's environment. */
export interface UpRequest {
  /** Absolute paths, merged in order; relative ones inside are resolved against the first file's folder. */
  readonly files: readonly string[];
  /** Default: `name:` of the file, else the folder's name. */
  readonly project?: string;
  /** Active beside those of COMPOSE_PROFILES. */
  readonly profiles?: readonly string[];
  /** Services that were named: each activates its own profiles. */
  readonly targets?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface BuildRequest extends UpRequest {
  /** Only these; absent or empty = all of the app. */
  readonly services?: readonly string[];
  /** Builds Dockerfiles anew though nothing has changed. */
  readonly isFresh?: boolean;
}

export interface ScaleRequest {
  /** By service. */
  readonly replicas: Readonly<Record<string, number>>;
}

export interface ServicesRequest {
  /** Absent or empty = all of the app. */
  readonly services?: readonly string[];
}

export interface RemoveRequest extends ServicesRequest {
  /** What runs is stopped first. */
  readonly stop?: boolean;
}

/** To a command in an instance. The end of the body is the end of its input. */
export type ExecInput =
  | {
      /** Base64. */
      readonly data: string;
    }
  | { readonly rows: number; readonly columns: number };

/** From it. */
export type ExecOutput =
  | {
      readonly stream: 'stdout' | 'stderr';
      /** Base64. */
      readonly data: string;
    }
  | {
      /** As a shell gives it; 127 where there is no such program and 126 where it could not be started. */
      readonly exitCode: number;
      /** Why it could not be started. */
      readonly reason?: string;
    };

export interface TopAnswer {
  readonly instances: readonly ProcessRows[];
}

/** What `ps` of the host says of an instance's processes: numbers and users are the host's. */
export interface ProcessRows extends Pick<InstanceRow, 'id' | 'app' | 'name' | 'replica'> {
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

/** Answer of `config`: the model with every default filled in. */
export interface ConfigAnswer {
  readonly model: AppModel;
  /** What the file asks for and does not get, where the app works without it. */
  readonly warnings: readonly ErrorBody[];
}

/** Long work, told as it goes. The last line has `done` or `error`. */
export interface ProgressLine {
  readonly step?: string;
  readonly subject?: string;
  /** `going`: a step that begun goes on; `note` or how much of it is done says how far. */
  readonly state?: 'begun' | 'going' | 'ended';
  readonly ms?: number;
  readonly doneBytes?: number;
  readonly totalBytes?: number;
  /** A line that a program under way wrote. */
  readonly note?: string;
  /** `imagePull` and `build`: what is there now. */
  readonly images?: readonly { readonly reference: string; readonly id: string; readonly sizeBytes: number }[];
  readonly done?: true;
  /** `up`: whether anything had to change. */
  readonly changed?: boolean;
  readonly error?: ErrorBody;
}

export interface InstanceRow {
  readonly id: Id;
  readonly app: string;
  readonly name: string;
  readonly kind: InstanceKind;
  /** Of a service: which of its places this one is in, from 1. */
  readonly replica?: number;
  readonly state: 'starting' | 'running' | 'stopping';
  readonly startedAt: number;
  readonly address?: string;
  readonly parent?: Id;
  /** Of a service: where the host listens for it. */
  readonly ports?: readonly PortRow[];
}

export interface PortRow {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** What a container is told of itself. */
export interface SelfAnswer {
  readonly app: string;
  readonly name: string;
  readonly instance: Id;
  readonly kind: InstanceKind;
  readonly startedAt: number;
  /** The instance or run that asked for it; absent where a request or a deploy did. */
  readonly parent?: Id;
  /** What lives, or waits to, because it asked for it. Ids are those of runs, or of instances that answer its requests. */
  readonly children: readonly { readonly id: Id; readonly name: string; readonly state: ChildState }[];
  /** Other instances of its name. */
  readonly siblings: readonly Pick<InstanceRow, 'id' | 'state' | 'startedAt'>[];
  /** Of its name, in all its instances: requests or runs that are being worked on, and those that wait. */
  readonly load: { readonly running: number; readonly waiting: number };
}

export type ChildState = 'queued' | 'starting' | 'running' | 'stopping';

/** Answer of `instances`: what lives, and how each place of a service is that is kept up, also those without an instance. */
export interface InstancesAnswer {
  readonly instances: readonly InstanceRow[];
  readonly services: readonly ServiceRow[];
}

export interface ServiceRow {
  readonly app: string;
  readonly name: string;
  /** Which of its places, from 1; a service that somebody stopped is one row, whatever it has. */
  readonly replica: number;
  /** `crash-loop`: it ends again and again soon after its start, whether it runs at the moment or not. */
  readonly state:
    | 'starting'
    | 'running'
    | 'unhealthy'
    | 'restarting'
    | 'crash-loop'
    | 'completed'
    | 'given-up'
    | 'stopped';
  readonly instance?: Id;
  readonly restarts: number;
  readonly health?: Health;
  readonly lastEnd?: LifeEnd & { readonly at: number };
}

/** A task that runs by the clock. Unix milliseconds. */
export interface ScheduleRow {
  readonly app: string;
  readonly function: string;
  readonly schedule: ScheduleModel;
  /** Absent when it never comes again. */
  readonly next?: number;
  /** The last tick that was answered, and the last run. */
  readonly last?: number;
  readonly run?: Id;
}

export interface LogLine {
  readonly name: string;
  readonly instance: Id;
  readonly stream: 'stdout' | 'stderr';
  readonly at: number;
  /** Bytes in base64: a chunk as it was written, not a line. */
  readonly data: string;
}

export interface RunRequest {
  /** Default: `default`; inside a container always the caller's own app. */
  readonly app?: string;
  readonly target: RunTarget;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly options?: RunOptions;
  readonly timeoutMs?: number;
  /** Unix milliseconds: it is not begun before. */
  readonly notBefore?: number;
  /** Default: the target's own. */
  readonly retries?: RetryRules;
  /** Milliseconds until it must have begun; default: the target's own. */
  readonly maxAgeMs?: number;
  /** Input for stdin, base64. */
  readonly input?: string;
  /** Told of its end, whatever it is; default: the target's own. */
  readonly callback?: { readonly url: string };
}
