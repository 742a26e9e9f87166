import { MinkeError } from '../../errors/index.ts';
import type { AppModel } from '../../model/app.ts';
import { routeText } from '../file/read-route.ts';
import { routesOf } from './plan.ts';

/** ROUTE_TAKEN when another app has a route of this one; undefined when all are free. Told before anything is stopped. */
export function findTakenRoute(model: AppModel, others: readonly AppModel[]): MinkeError | undefined {
  const owners = new Map(
    others
      .filter(({ name }) => name !== model.name)
      .flatMap((other) => routesOf(other).map(({ route }): [string, string] => [routeText(route), other.name])),
  );
  for (const { route } of routesOf(model)) {
    const owner = owners.get(routeText(route));
    if (owner !== undefined) {
      return new MinkeError('ROUTE_TAKEN', { route: routeText(route), app: model.name, owner });
    }
  }
  return undefined;
}
