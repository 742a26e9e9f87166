/** The calls of the Docker API, as data. `:name` is one segment, `:name*` may hold slashes, method `*` is any. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly call: CallName | { readonly unsupported: string; readonly because: string };
  /** `open`, or closed and why; for a call on a container only where that is one of the caller's, else nothing is said of it. */
  readonly functionDoor: 'open' | { readonly closed: string };
  /** JSON that is read before the call, unless it takes the connection over. */
  readonly hasBody?: true;
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
  | 'containerRestart'
  | 'containerAttach'
  | 'containerWait'
  | 'containerLogs'
  | 'containerKill'
  | 'containerStop'
  | 'containerRemove'
  | 'containerPause'
  | 'containerUnpause'
  | 'containerRename'
  | 'containerUpdate'
  | 'containerResize'
  | 'containerTop'
  | 'containerStats'
  | 'containerPrune'
  | 'containerChanges'
  | 'containerExport'
  | 'archiveGet'
  | 'archiveHead'
  | 'archivePut'
  | 'execCreate'
  | 'execStart'
  | 'execInspect'
  | 'execResize'
  | 'imageList'
  | 'imageInspect'
  | 'imagePull'
  | 'imageLoad'
  | 'imagePrune'
  | 'imageSave'
  | 'imageHistory'
  | 'imageTag'
  | 'imageRemove'
  | 'systemDf'
  | 'networkList'
  | 'networkCreate'
  | 'networkPrune'
  | 'networkInspect'
  | 'networkRemove'
  | 'networkConnect'
  | 'networkDisconnect'
  | 'volumeList'
  | 'volumeCreate'
  | 'volumePrune'
  | 'volumeInspect'
  | 'volumeRemove';

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

const withBody = (route: Route): Route => ({ ...route, hasBody: true });

const ofOperator = (what: string): Route['functionDoor'] => ({ closed: `${what} is the operator's` });
/** What a function may run is what its app file says, and no other program in its place. */
const insideAnother: Route['functionDoor'] = {
  closed: "a function's container runs the program of its app file alone",
};

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
  withBody(supported('POST', '/containers/create', 'containerCreate')),
  supported('GET', '/containers/json', 'containerList'),
  supported('POST', '/containers/prune', 'containerPrune', ofOperator('pruning containers')),
  supported('GET', '/containers/:container/json', 'containerInspect'),
  supported('POST', '/containers/:container/start', 'containerStart'),
  supported('POST', '/containers/:container/attach', 'containerAttach'),
  supported('POST', '/containers/:container/wait', 'containerWait'),
  supported('GET', '/containers/:container/logs', 'containerLogs'),
  supported('POST', '/containers/:container/kill', 'containerKill'),
  supported('POST', '/containers/:container/stop', 'containerStop'),
  supported('DELETE', '/containers/:container', 'containerRemove'),
  unsupportedOnOwn('GET', '/containers/:container/attach/ws', 'Attaching by WebSocket'),
  supported('POST', '/containers/:container/restart', 'containerRestart'),
  supported('POST', '/containers/:container/pause', 'containerPause'),
  supported('POST', '/containers/:container/unpause', 'containerUnpause'),
  supported('POST', '/containers/:container/rename', 'containerRename', ofOperator('renaming containers')),
  withBody(supported('POST', '/containers/:container/update', 'containerUpdate', ofOperator('changing limits'))),
  supported('POST', '/containers/:container/resize', 'containerResize'),
  withBody(supported('POST', '/containers/:container/exec', 'execCreate', insideAnother)),
  supported('GET', '/containers/:container/top', 'containerTop', ofOperator('listing processes')),
  supported('GET', '/containers/:container/stats', 'containerStats'),
  supported('GET', '/containers/:container/changes', 'containerChanges', insideAnother),
  supported('GET', '/containers/:container/export', 'containerExport', insideAnother),
  supported('GET', '/containers/:container/archive', 'archiveGet', insideAnother),
  supported('HEAD', '/containers/:container/archive', 'archiveHead', insideAnother),
  supported('PUT', '/containers/:container/archive', 'archivePut', insideAnother),
  withBody(supported('POST', '/exec/:exec/start', 'execStart', insideAnother)),
  supported('GET', '/exec/:exec/json', 'execInspect', insideAnother),
  supported('POST', '/exec/:exec/resize', 'execResize', insideAnother),
  supported('GET', '/images/json', 'imageList'),
  supported('POST', '/images/create', 'imagePull', { closed: "pulling images is the operator's" }),
  supported('POST', '/images/load', 'imageLoad', { closed: "loading images is the operator's" }),
  supported('POST', '/images/prune', 'imagePrune', ofOperator('pruning images')),
  unsupported('GET', '/images/search', 'Searching for images'),
  supported('GET', '/images/get', 'imageSave', ofOperator('saving images')),
  supported('GET', '/images/:image*/json', 'imageInspect'),
  supported('GET', '/images/:image*/history', 'imageHistory', ofOperator('the history of images')),
  supported('GET', '/images/:image*/get', 'imageSave', ofOperator('saving images')),
  unsupported('POST', '/images/:image*/push', 'Pushing images', 'minke stores images for itself only'),
  supported('POST', '/images/:image*/tag', 'imageTag', ofOperator('tagging images')),
  supported('DELETE', '/images/:image*', 'imageRemove', ofOperator('removing images')),
  unsupported('POST', '/build', 'Building images', 'an app file with build: is built by minke up'),
  unsupported('POST', '/build/:action', 'Building images', 'an app file with build: is built by minke up'),
  unsupported('POST', '/commit', 'Making an image from a container'),
  unsupported('*', '/session', 'BuildKit', 'an app file with build: is built by minke up'),
  unsupported('*', '/grpc', 'BuildKit', 'an app file with build: is built by minke up'),
  unsupported('POST', '/auth', 'Logging in to a registry'),
  supported('GET', '/system/df', 'systemDf', ofOperator('measuring the disk')),
  supported('GET', '/networks', 'networkList', ofOperator('listing networks')),
  withBody(supported('POST', '/networks/create', 'networkCreate', ofOperator('making networks'))),
  supported('POST', '/networks/prune', 'networkPrune', ofOperator('pruning networks')),
  supported('GET', '/networks/:network', 'networkInspect', ofOperator('reading networks')),
  supported('DELETE', '/networks/:network', 'networkRemove', ofOperator('removing networks')),
  withBody(supported('POST', '/networks/:network/connect', 'networkConnect', ofOperator('connecting containers'))),
  withBody(
    supported('POST', '/networks/:network/disconnect', 'networkDisconnect', ofOperator('disconnecting containers')),
  ),
  supported('GET', '/volumes', 'volumeList', ofOperator('listing volumes')),
  withBody(supported('POST', '/volumes/create', 'volumeCreate', ofOperator('making volumes'))),
  supported('POST', '/volumes/prune', 'volumePrune', ofOperator('pruning volumes')),
  supported('GET', '/volumes/:volume', 'volumeInspect', ofOperator('reading volumes')),
  supported('DELETE', '/volumes/:volume', 'volumeRemove', ofOperator('removing volumes')),
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

/** Whether the call may take the connection over. */
export const takesOver = (match: RouteMatch | undefined): boolean =>
  match?.route.call === 'containerAttach' || match?.route.call === 'execStart';

const compiled = dockerRoutes.map((route) => ({
  route,
  pattern: new RegExp(
    `^${route.path.replace(/:(\w+)(\*?)/g, (_, name: string, many: string) => `(?<${name}>${many === '' ? '[^/]+' : '.+'})`)}$`,
  ),
}));
