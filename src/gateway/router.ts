import { MinkeError } from '../errors/index.ts';
import type { RouteModel } from '../model/app.ts';
import type { Target } from './capacity.ts';
import { createPathTable, type PathTable } from './path-table.ts';

export interface Route extends RouteModel {
  readonly target: Target;
}

export interface Match {
  readonly target: Target;
  /** The route's prefix as it was set: "/vote", or "/" for all paths. */
  readonly prefix: string;
}

/** Which request goes where. Pure data: it knows no sockets and no instances. */
export interface Router {
  /**
   * Replaces all that the app had, or throws ROUTE_TAKEN and changes nothing. `named` are the targets that the app's own
   * containers reach by name; those with a route are among them in any case.
   */
  setRoutes(app: string, routes: readonly Route[], named?: readonly Target[]): void;
  removeApp(app: string): void;
  /**
   * The longest prefix, on segment borders, among the routes of this host, else among those of every host. `path` is
   * percent-decoded and without a query.
   */
  match(host: string, path: string): Match | undefined;
  find(app: string, name: string): Target | undefined;
}

interface AppEntry {
  readonly routes: readonly Route[];
  readonly names: ReadonlyMap<string, Target>;
}

/** Key of the table for routes without a host; no host name is empty. */
const everyHost = '';

export function createRouter(): Router {
  const tables = new Map<string, PathTable<Route>>();
  const apps = new Map<string, AppEntry>();

  const ownerOf = (route: Route): string | undefined =>
    tables.get(route.host ?? everyHost)?.get(route.prefix)?.target.app;

  const remove = (app: string): void => {
    for (const route of apps.get(app)?.routes ?? []) {
      const host = route.host ?? everyHost;
      const table = tables.get(host);
      table?.delete(route.prefix);
      if (table?.isEmpty() === true) tables.delete(host);
    }
    apps.delete(app);
  };

  const insert = (route: Route): void => {
    const host = route.host ?? everyHost;
    const table = tables.get(host) ?? createPathTable<Route>();
    tables.set(host, table);
    table.set(route.prefix, route);
  };

  return {
    setRoutes: (app, routes, named = []) => {
      refuseClash(app, routes, ownerOf);
      remove(app);
      routes.forEach(insert);
      const targets = [...routes.map(({ target }) => target), ...named];
      apps.set(app, { routes, names: new Map(targets.map((target) => [target.name, target])) });
    },
    removeApp: remove,
    match: (host, path) => {
      const found = tables.get(host)?.longest(path) ?? tables.get(everyHost)?.longest(path);
      return found === undefined ? undefined : { target: found.target, prefix: found.prefix };
    },
    find: (app, name) => apps.get(app)?.names.get(name),
  };
}

function refuseClash(app: string, routes: readonly Route[], ownerOf: (route: Route) => string | undefined): void {
  const own = new Set<string>();
  for (const route of routes) {
    const text = `${route.host ?? ''}${route.prefix}`;
    const other = ownerOf(route);
    const owner = other === app ? undefined : other;
    if (owner !== undefined || own.has(text))
      throw new MinkeError('ROUTE_TAKEN', { route: text, app, owner: owner ?? app });
    own.add(text);
  }
}
