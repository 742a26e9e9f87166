import { prefix, routes, type Route, type RouteName } from '../../api/routes.ts';

export interface ApiMatch {
  readonly route: RouteName;
  readonly parameters: Readonly<Record<string, string>>;
}

const table = Object.entries(routes as Record<RouteName, Route>).map(([name, { method, path }]) => ({
  name: name as RouteName,
  method,
  segments: path.split('/').slice(1),
}));

/** Which route a request is for; undefined for none. `path` begins after the host and has no query. */
export function matchApi(method: string, path: string): ApiMatch | undefined {
  const asked = path.slice(prefix.length).split('/').slice(1);
  for (const { name, segments, method: wanted } of table) {
    if (wanted !== method || segments.length !== asked.length) continue;
    const parameters = bind(segments, asked);
    if (parameters !== undefined) return { route: name, parameters };
  }
  return undefined;
}

function bind(segments: readonly string[], asked: readonly string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const value = asked[index] ?? '';
    if (segment.startsWith(':')) parameters[segment.slice(1)] = decode(value);
    else if (segment !== value) return undefined;
  }
  return parameters;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
