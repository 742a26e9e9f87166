/** The calls of the Docker API, as data. `:name` is one segment, `:name*` may hold slashes, method `*` is any. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly call: CallName | { readonly unsupported: string; readonly because: string };
  /** `open`, or closed and why. */
  readonly functionDoor: 'open' | { readonly closed: string };
}

export type CallName =
  | 'ping'
  | 'version'
  | 'info'
  | 'events'
  | 'containerCreate'
  | 'containerList'
  | 'containerInspect'
  | 'containerStart'
  | 'containerAttach'
  | 'containerWait'
  | 'containerLogs'
  | 'containerKill'
  | 'containerStop'
  | 'containerRemove'
  | 'imageList'
  | 'imageInspect'
  | 'imagePull'
  | 'imageLoad';

const supported = (
  method: string,
  path: string,
  call: CallName,
  functionDoor: Route['functionDoor'] = 'open',
): Route => ({
  method,
  path,
  call,
  functionDoor,
});

const later = 'it comes with a later version of minke';

const unsupported = (method: string, path: string, what: string, because = later): Route => ({
  method,
  path,
  call: { unsupported: what, because },
  functionDoor: { closed: `${what} is not open to functions` },
});

/** Open, so that the policy on the container named is decided first and the answer is 501 and not 403. */
const unsupportedOnOwn = (method: string, path: string, what: string, because = later): Route => ({
  ...unsupported(method, path, what, because),
  functionDoor: 'open',
});

export const dockerRoutes: readonly Route[] = [
  supported('GET', '/_ping', 'ping'),
  supported('HEAD', '/_ping', 'ping'),
  supported('GET', '/version', 'version'),
  supported('GET', '/info', 'info'),
  supported('GET', '/events', 'events'),
  supported('POST', '/containers/create', 'containerCreate'),
  supported('GET', '/containers/json', 'containerList'),
  unsupported('POST', '/containers/prune', 'Pruning containers'),
  supported('GET', '/containers/:container/json', 'containerInspect'),
  supported('POST', '/containers/:container/start', 'containerStart'),
  supported('POST', '/containers/:container/attach', 'containerAttach'),
  supported('POST', '/containers/:container/wait', 'containerWait'),
  supported('GET', '/containers/:container/logs', 'containerLogs'),
  supported('POST', '/containers/:container/kill', 'containerKill'),
  supported('POST', '/containers/:container/stop', 'containerStop'),
  supported('DELETE', '/containers/:container', 'containerRemove'),
  unsupportedOnOwn('GET', '/containers/:container/attach/ws', 'Attaching by WebSocket'),
  unsupportedOnOwn(
    'POST',
    '/containers/:container/restart',
    'Restarting a container',
    'a container is a run, and a run happens once; create another',
  ),
  unsupportedOnOwn('POST', '/containers/:container/pause', 'Pausing a container'),
  unsupportedOnOwn('POST', '/containers/:container/unpause', 'Pausing a container'),
  unsupportedOnOwn('POST', '/containers/:container/rename', 'Renaming a container'),
  unsupportedOnOwn('POST', '/containers/:container/update', 'Changing the limits of a container'),
  unsupportedOnOwn('POST', '/containers/:container/resize', 'Resizing a terminal'),
  unsupportedOnOwn('POST', '/containers/:container/exec', 'Running a further command in a container'),
  unsupportedOnOwn('GET', '/containers/:container/top', 'Listing the processes of a container'),
  unsupportedOnOwn('GET', '/containers/:container/stats', 'Measuring a container'),
  unsupportedOnOwn('GET', '/containers/:container/changes', 'Comparing a container with its image'),
  unsupportedOnOwn('GET', '/containers/:container/export', 'Exporting a container'),
  unsupportedOnOwn('*', '/containers/:container/archive', 'Copying files into or out of a container'),
  unsupported('*', '/exec/:exec/:action', 'Running a further command in a container'),
  supported('GET', '/images/json', 'imageList'),
  supported('POST', '/images/create', 'imagePull', { closed: "pulling images is the operator's" }),
  supported('POST', '/images/load', 'imageLoad', { closed: "loading images is the operator's" }),
  unsupported('POST', '/images/prune', 'Pruning images'),
  unsupported('GET', '/images/search', 'Searching for images'),
  unsupported('GET', '/images/get', 'Saving images'),
  supported('GET', '/images/:image*/json', 'imageInspect'),
  unsupported('GET', '/images/:image*/history', 'The history of an image'),
  unsupported('GET', '/images/:image*/get', 'Saving images'),
  unsupported('POST', '/images/:image*/push', 'Pushing images', 'minke stores images for itself only'),
  unsupported('POST', '/images/:image*/tag', 'Tagging images'),
  unsupported('DELETE', '/images/:image*', 'Removing images'),
  unsupported('POST', '/build', 'Building images', 'an app file with build: is built by minke up'),
  unsupported('POST', '/build/:action', 'Building images', 'an app file with build: is built by minke up'),
  unsupported('POST', '/commit', 'Making an image from a container'),
  unsupported('*', '/session', 'BuildKit', 'an app file with build: is built by minke up'),
  unsupported('*', '/grpc', 'BuildKit', 'an app file with build: is built by minke up'),
  unsupported('POST', '/auth', 'Logging in to a registry'),
  unsupported('GET', '/system/df', 'Measuring the disk'),
  unsupported('*', '/networks', 'Making networks by hand'),
  unsupported('*', '/networks/:rest*', 'Making networks by hand'),
  unsupported('*', '/volumes', 'Making volumes by hand'),
  unsupported('*', '/volumes/:rest*', 'Making volumes by hand'),
  unsupported('*', '/plugins', 'Plug-ins', 'minke has none'),
  unsupported('*', '/plugins/:rest*', 'Plug-ins', 'minke has none'),
  unsupported('GET', '/distribution/:image*/json', 'Asking a registry'),
  ...['swarm', 'nodes', 'services', 'tasks', 'secrets', 'configs'].flatMap((word) => [
    unsupported('*', `/${word}`, 'Swarm', 'this minke is not part of a cluster'),
    unsupported('*', `/${word}/:rest*`, 'Swarm', 'this minke is not part of a cluster'),
  ]),
];

export interface RouteMatch {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

export function matchRoute(method: string, path: string): RouteMatch | undefined {
  for (const { route, pattern } of compiled) {
    if (route.method !== '*' && route.method !== method) continue;
    const found = pattern.exec(path);
    if (found !== null) return { route, parameters: { ...found.groups } };
  }
  return undefined;
}

const compiled = dockerRoutes.map((route) => ({
  route,
  pattern: new RegExp(
    `^${route.path.replace(/:(\w+)(\*?)/g, (_, name: string, many: string) => `(?<${name}>${many === '' ? '[^/]+' : '.+'})`)}$`,
  ),
}));
