/**
 * Every failure that minke can report, in one table. `blame` says who can mend it; `retryable` whether the same call may
 * succeed later without a change. `status` is the HTTP status, `exit` the CLI's exit code (1 user, 2 usage, 3 system).
 */
export interface ErrorEntry {
  readonly text: string;
  readonly status: number;
  readonly exit: 1 | 2 | 3;
  readonly blame: 'user' | 'system';
  readonly retryable: boolean;
  readonly hint?: string;
}

const user = (status: number, text: string, hint?: string): ErrorEntry => entry('user', status, 1, false, text, hint);
const system = (status: number, text: string, hint?: string): ErrorEntry =>
  entry('system', status, 3, false, text, hint);
const passing = (status: number, text: string, hint?: string): ErrorEntry =>
  entry('system', status, 3, true, text, hint);
const usage = (text: string, hint?: string): ErrorEntry => entry('user', 400, 2, false, text, hint);

export const catalogue = {
  // The app file. `place` is FILE:LINE, `key` the full path of the key.
  APP_FILE_NOT_FOUND: user(400, 'Cannot find an app file: {reason}', 'Name one: minke up FILE'),
  APP_FILE_SYNTAX: user(400, 'Cannot read {place}: {reason}', '{mend}'),
  APP_FILE_UNKNOWN_KEY: user(400, 'Cannot read {place}: "{key}" is not a key', '{mend}'),
  APP_FILE_UNSUPPORTED_KEY: user(400, 'Cannot use {place}: "{key}" is not supported: {reason}', '{mend}'),
  APP_FILE_BAD_VALUE: user(400, 'Cannot read {place}: "{key}" is {value}: {reason}', '{mend}'),
  APP_FILE_BAD_REFERENCE: user(400, 'Cannot use {place}: "{key}" names "{value}", which is not {reason}', '{mend}'),
  APP_FILE_ROUTE_CLASH: user(400, 'Cannot use {place}: the route "{value}" belongs to "{owner}" already', '{mend}'),
  APP_FILE_CYCLE: user(400, 'Cannot use {place}: {reason}', '{mend}'),
  // Apps, images and instances.
  APP_NOT_FOUND: user(404, 'Cannot find the app "{app}"', 'minke ps shows the apps that run.'),
  SERVICE_NOT_FOUND: user(404, 'Cannot find the service "{name}" in the app "{app}"', '{mend}'),
  TARGET_NOT_FOUND: user(
    404,
    'Cannot find "{target}": it is neither a function of the app "{app}" nor an image',
    'An image is written with its tag: alpine:3',
  ),
  ROUTE_TAKEN: user(
    409,
    'Cannot use the route "{route}" for "{app}": the app "{owner}" has it',
    'Change the route in one of the two app files.',
  ),
  PORT_UNAVAILABLE: user(
    409,
    'Cannot publish "{name}" at {port} of the host: {reason}',
    'Free the port, or write another one under "ports" of "{name}".',
  ),
  IMAGE_NOT_FOUND: user(
    404,
    'Cannot find the image "{image}": {reason}',
    'Load it: docker save {image} | minke load -',
  ),
  IMAGE_INVALID: user(400, 'Cannot use the image "{image}": {reason}'),
  IMAGE_MEDIA_TYPE: user(
    415,
    'Cannot use the image "{image}": its {part} is of the type "{mediaType}", which minke does not read',
  ),
  IMAGE_DIGEST_MISMATCH: passing(
    502,
    'Cannot use the image "{image}": what came as {digest} is something else: {found}',
  ),
  IMAGE_ACCESS_DENIED: user(
    403,
    'Cannot pull "{image}": {registry} does not let minke in: {reason}',
    'Log in as the user that the daemon runs as: docker login {registry}',
  ),
  REGISTRY_UNREACHABLE: passing(
    502,
    'Cannot pull "{image}": {registry} cannot be reached: {reason}',
    'Without a network, load it: docker save {image} | minke load -',
  ),
  IMAGES_MISSING: passing(
    502,
    'Cannot get {count} images: {reasons}',
    'Without a network, load each of them: docker save {images} | minke load -',
  ),
  REGISTRY_FAILED: passing(502, 'Cannot pull "{image}": {registry} failed: {reason}'),
  BUILD_FAILED: user(400, 'Cannot build "{folder}": {reason}', '{mend}'),
  PACK_FAILED: user(400, 'Cannot pack "{folder}": {reason}', '{mend}'),
  INSTANCE_NOT_FOUND: user(404, 'Cannot find the instance "{instance}"'),
  INSTANCE_START_FAILED: system(502, 'Cannot start "{name}": {reason}'),
  INSTANCE_START_TIMEOUT: passing(
    504,
    'Cannot start "{name}": it was not ready within {seconds} s',
    'It wrote last: {log}',
  ),
  INSTANCE_UNHEALTHY: system(
    502,
    '"{name}" is unhealthy: its health check failed {failures} times in a row',
    'It said last: {output}',
  ),
  CRASH_LOOP: system(
    502,
    '"{name}" is in a crash loop: it ended {ends} times in a row soon after its start; {reason}',
    'It is tried on, with pauses of up to a minute. What it wrote: minke logs {name}',
  ),
  DEPENDENCY_FAILED: system(
    502,
    'Cannot start "{name}": it depends on "{dependency}" with the condition {condition}, and {reason}',
  ),
  OUT_OF_MEMORY: user(
    502,
    '"{name}" was ended by the kernel: it wanted more than its {limit} of memory',
    'Raise deploy.resources.limits.memory of "{name}".',
  ),
  PIDS_LIMIT: user(
    502,
    '"{name}" failed at its limit of {limit} processes',
    'Raise deploy.resources.limits.pids of "{name}".',
  ),
  // Runs.
  RUN_NOT_FOUND: user(404, 'Cannot find the run "{run}"'),
  RUN_FAILED: user(502, '"{name}" ended with exit code {exitCode}'),
  OUTPUT_REMOVED: user(410, 'The output of the run {run} is not kept any more: what ended later took its place'),
  RESULT_TOO_LARGE: user(
    502,
    '"{name}" wrote more to stdout than the {limit} that are kept of a result',
    'Let it write what is long to a volume.',
  ),
  RUN_TIMED_OUT: user(
    504,
    '"{name}" was {ended} after its time-out of {seconds} s',
    'Raise x-minke.timeout of "{name}".',
  ),
  RUN_CANCELLED: user(409, 'The run of "{name}" was cancelled: {reason}'),
  RUN_EXPIRED: user(504, '"{name}" had not begun after {seconds} s, and its greatest age is over'),
  RUN_LOST: passing(502, '"{name}" was lost: {reason}'),
  RUN_STATE: user(409, 'Cannot {action} the run "{run}": it is {state}'),
  // Gateway.
  NO_ROUTE: user(404, 'Nothing answers at {host}{path}'),
  NO_INSTANCE: passing(503, '"{name}" has no instance that is ready: {reason}'),
  CGI_BAD_OUTPUT: user(
    502,
    '"{name}" did not answer with CGI: {reason}',
    'A CGI answer is header lines, an empty line and the body (RFC 3875).',
  ),
  REQUEST_TIMEOUT: passing(504, '"{name}" did not answer within {seconds} s'),
  QUEUE_FULL: passing(503, '"{name}" is busy: {limit} requests wait already'),
  REQUEST_REFUSED: user(400, 'Cannot accept the request: {reason}'),
  BODY_TOO_LARGE: user(413, 'Cannot accept the request: its body is larger than {limit}'),
  CLIENT_STALLED: user(408, 'The client neither sent nor took anything for {seconds} s'),
  UPSTREAM_FAILED: passing(502, '"{name}" broke off: {reason}'),
  // API, doors and policy.
  BAD_REQUEST: user(400, 'Cannot read the request: {reason}'),
  NOT_FOUND: user(404, 'There is nothing at {method} {path}'),
  POLICY_REFUSED: user(403, 'Refused: {field}: {reason}'),
  TOO_MANY_CONNECTIONS: passing(503, '"{name}" has {limit} connections to its door open already'),
  NOT_SUPPORTED: user(501, '{what} is not supported: {reason}'),
  CONFLICT: user(409, '{reason}'),
  NO_SUCH: user(404, 'No such {kind}: {name}'),
  // The machine and the daemon.
  NOT_ROOT: user(403, 'The sandbox needs root', 'Run it with sudo.'),
  MISSING_PROGRAM: user(500, 'Cannot find "{program}", which {purpose}', 'Install it: {install}'),
  CGROUPS_UNUSABLE: user(500, 'The sandbox cannot limit what containers use: {reason}', 'Mount them: {mend}'),
  DAEMON_UNREACHABLE: system(503, 'No daemon answers at {socket}', 'Start one: minke serve'),
  DAEMON_START_FAILED: system(500, 'The daemon did not start: {reason}', '{mend}'),
  CONNECTION_LOST: passing(
    502,
    'The connection to {address} broke off: {reason}',
    'What was accepted goes on: minke runs ls',
  ),
  DAEMON_RUNNING: user(409, 'A daemon with the data folder {folder} runs already (pid {pid})'),
  DATA_FOLDER: user(500, 'Cannot use the data folder {folder}: {reason}'),
  GATEWAY_ADDRESS: user(
    409,
    'The gateway cannot listen at {address}: {reason}',
    'Name another: minke serve --gateway HOST:PORT',
  ),
  OUT_OF_DISK: passing(
    507,
    'Cannot write {what}: no room is left in {folder} ({free} free)',
    'Free some there; all goes on by itself then.',
  ),
  OUT_OF_DESCRIPTORS: passing(
    503,
    'Cannot {action}: too many files and connections are open',
    'Raise the limit that the daemon starts with: ulimit -n, or LimitNOFILE= of its unit.',
  ),
  OUT_OF_PROCESSES: passing(
    503,
    'Cannot {action}: the machine refuses another process',
    'Raise the limit on tasks of the daemon (TasksMax= of its unit) or of the machine (kernel.pid_max).',
  ),
  OUT_OF_ADDRESSES: passing(
    503,
    'The app "{app}" has no address left for another instance: all {limit} are taken',
    'Wait until instances end, or lower x-minke.concurrency and x-minke.scale.max.',
  ),
  OUT_OF_NETWORKS: passing(
    503,
    'There is no network left for the app "{app}": {limit} apps have one',
    'Take an app down: minke down APP',
  ),
  STATE_LOCKED: passing(
    503,
    'The state of minke is locked by another program: {file}',
    'End what holds it; fuser -v {file} names it.',
  ),
  STATE_READ_ONLY: passing(503, 'Cannot write the state of minke: {file} is read-only', 'Make it writable for root.'),
  STATE_FAILED: passing(
    503,
    'The disk refuses the state of minke: {file} ({reason})',
    'Look at what the kernel says of the disk (dmesg) and at the attributes of the file (lsattr).',
  ),
  STATE_UNREACHABLE: passing(
    503,
    'The state of minke cannot be reached at {place}: {reason}',
    'Start the database there, or name another: MINKE_STORE=postgres://USER@HOST/DATABASE',
  ),
  NETWORK_FAILED: system(500, 'Cannot set up the network of "{app}": {reason}'),
  DOCKER_UNREACHABLE: passing(
    503,
    'No Docker Engine answers at {socket}: {reason}',
    'Start it, or name the socket of another: DOCKER_HOST=unix:///PATH',
  ),
  DOCKER_NEEDS_ROOT: user(403, 'The networks of apps need root, with a Docker Engine too', 'Run it with sudo'),
  STARTER_LOST: passing(503, 'The starter ended while "{name}" was starting; it is being started again'),
  TIMEOUT: passing(504, '{action} did not end within {seconds} s'),
  INTERNAL: system(500, 'Something in minke failed: {reason}', 'Please report it, with the daemon log.'),
  USAGE: usage('{reason}', '{mend}'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof catalogue;

function entry(
  blame: ErrorEntry['blame'],
  status: number,
  exit: ErrorEntry['exit'],
  retryable: boolean,
  text: string,
  hint?: string,
): ErrorEntry {
  return { text, status, exit, blame, retryable, ...(hint === undefined ? {} : { hint }) };
}
