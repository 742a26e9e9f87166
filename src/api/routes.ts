/**
 * minke's own HTTP API (`/minke/v1/`) as pure data: one list that the daemon serves and that CLI and SDK call by name.
 * `:name` is one path segment, URL-encoded. Errors are `{"error": ErrorBody}` with the status of the catalogue.
 */
export const prefix = '/minke/v1';

export const routes = {
  /** Daemon: version, pid, addresses, engine. -> StatusAnswer */
  status: { method: 'GET', path: '/status' },
  /** Only at a container's own door: who it is, whom it started, who is beside it -> SelfAnswer */
  self: { method: 'GET', path: '/self' },
  /** Ends the daemon: body {purge, stop}. 202, then the socket closes when it is done. */
  shutdown: { method: 'POST', path: '/shutdown' },
  /** Brings an app to the state of its model: body UpRequest -> application/x-ndjson of ProgressLine, the last with `done` or `error`. */
  up: { method: 'POST', path: '/apps' },
  /** Body UpRequest -> ConfigAnswer; changes nothing. */
  config: { method: 'POST', path: '/config' },
  apps: { method: 'GET', path: '/apps' },
  app: { method: 'GET', path: '/apps/:app' },
  /** ?volumes=true removes named volumes too. ndjson like `up`. */
  down: { method: 'DELETE', path: '/apps/:app' },
  /** So many instances of services, until the app is brought up again: body ScaleRequest. ndjson like `up`. */
  scale: { method: 'POST', path: '/apps/:app/scale' },
  /** Ends services, also for the next daemon, until they are started: body ServicesRequest. ndjson like `up`. */
  stop: { method: 'POST', path: '/apps/:app/stop' },
  /** Services that were stopped, or have failed for good: body ServicesRequest. ndjson like `up`. */
  start: { method: 'POST', path: '/apps/:app/start' },
  /** Services begin anew, whatever they are at: body ServicesRequest. ndjson like `up`. */
  restart: { method: 'POST', path: '/apps/:app/restart' },
  /**
   * Forgets services that do not run, with what they wrote: body RemoveRequest. What runs is left alone unless it is to be stopped first.
   * ndjson like `up`.
   */
  rm: { method: 'POST', path: '/apps/:app/rm' },
  /** ?app= -> InstancesAnswer */
  instances: { method: 'GET', path: '/instances' },
  /**
   * A further command in a living instance. ?argv= and ?env=K=V repeated, ?user=&workdir=, ?stdin=true, ?rows=&columns= for a terminal.
   * Body: application/x-ndjson of ExecInput -> the same of ExecOutput, the last with `exitCode`. Who goes ends it; with ?detach=true
   * it goes on by itself, and the answer is empty.
   */
  exec: { method: 'POST', path: '/instances/:instance/exec' },
  /** ?app=, ?name= repeated: the processes of what lives -> TopAnswer */
  top: { method: 'GET', path: '/top' },
  /** ?app=&name=&follow= -> application/x-ndjson of LogLine */
  logs: { method: 'GET', path: '/logs' },
  /** ?app=&since=&follow= -> application/x-ndjson of TimelineEvent */
  events: { method: 'GET', path: '/events' },
  /** Body RunRequest, Idempotency-Key. 202 {run: Run} once it is durable. */
  runs: { method: 'POST', path: '/runs' },
  /** ?app=&function=&state=&limit=, ?retried= whether another run does it once more -> {runs: Run[]} */
  runList: { method: 'GET', path: '/runs' },
  run: { method: 'GET', path: '/runs/:run' },
  /** Answers when the run is settled, or with the unsettled run after ?timeout= milliseconds. {run: Run} */
  runWait: { method: 'GET', path: '/runs/:run/wait' },
  /** stdout, byte for byte, of a settled run; Minke-Exit-Code in the head. */
  runResult: { method: 'GET', path: '/runs/:run/result' },
  /** ?follow=&stdout=&stderr=, ?attempt= from 1 -> application/x-ndjson of LogLine */
  runLogs: { method: 'GET', path: '/runs/:run/logs' },
  runCancel: { method: 'POST', path: '/runs/:run/cancel' },
  /** Once more what is settled: 202 {run: Run}, the new one, or the one that does it once more already. */
  runRetry: { method: 'POST', path: '/runs/:run/retry' },
  /** A settled run with its logs and result. */
  runRemove: { method: 'DELETE', path: '/runs/:run' },
  /** ?app= -> {schedules: ScheduleRow[]} */
  schedules: { method: 'GET', path: '/schedules' },
  /** Where every run is that was ever accepted -> Ledger */
  ledger: { method: 'GET', path: '/ledger' },
  /** Loads an image: body = tar (docker save or OCI archive) -> {images: [{reference, id}]} */
  imageLoad: { method: 'POST', path: '/images' },
  images: { method: 'GET', path: '/images' },
  /** ?reference= from its registry, with ?missing=true only when it is not here -> application/x-ndjson of ProgressLine, the last with `done` and `images`, or `error` */
  imagePull: { method: 'POST', path: '/images/pull' },
  /** Body BuildRequest: the images of an app file, packed, built or pulled; nothing is started. Answers as `imagePull` does. */
  build: { method: 'POST', path: '/build' },
  /** Calls a function of any kind: body and Content-Type to it, its answer back. ?arg= repeated. */
  call: { method: 'POST', path: '/call/:function' },
} as const satisfies Record<string, Route>;

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
}

export type RouteName = keyof typeof routes;

/** The path of a route with its parameters and query filled in. */
export function pathOf(name: RouteName, parameters: Readonly<Record<string, string>> = {}, query: Query = {}): string {
  const path = routes[name].path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(parameters[key] ?? ''));
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([key, value]) =>
      value === undefined ? [] : [value].flat().map((one): [string, string] => [key, String(one)]),
    ),
  ).toString();
  return `${prefix}${path}${search === '' ? '' : `?${search}`}`;
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
