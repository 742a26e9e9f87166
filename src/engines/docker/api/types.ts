/** The parts of the engine's answers that are used here (Docker Engine API 1.41). */

export interface ContainerState {
  readonly Status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  readonly Running: boolean;
  readonly OOMKilled: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
  /** RFC 3339. */
  readonly StartedAt: string;
  readonly FinishedAt: string;
}

export interface InspectedContainer {
  readonly Config: { readonly Labels: Readonly<Record<string, string>>; readonly Tty: boolean };
  readonly Id: string;
  /** By its id. */
  readonly Image: string;
  readonly State: ContainerState;
}

export interface ListedContainer {
  readonly Id: string;
  /** Each with a slash before it. */
  readonly Names: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: string;
  /** By the name that it was made with. */
  readonly Image: string;
}

export interface InspectedCommand {
  readonly Running: boolean;
  readonly ExitCode: number | null;
  readonly Pid: number;
}

export interface EngineFacts {
  readonly ServerVersion: string;
  readonly CgroupDriver: string;
  readonly CgroupVersion: string;
  readonly Driver: string;
}

export interface EngineEvent {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}
