import { isOnDemand, type ServiceModel } from '../../model/app.ts';
import type { Problems } from './problems.ts';
import type { ReadDependency } from './read-dependencies.ts';
import type { ReadService } from './read-service.ts';

type Services = ReadonlyMap<string, ReadService>;

/** Conditions of `depends_on` that could never be met, or have nobody who could wait for them. */
export function checkConditions(services: Services, problems: Problems): void {
  for (const { model, dependsOn } of services.values()) {
    for (const dependency of dependsOn) {
      if (model.kind !== 'service') refuseWaitingFunction(dependency, problems);
      const other = services.get(dependency.model.name);
      if (other === undefined || dependency.model.condition === 'service_started') continue;
      if (other.model.kind !== 'service') refuseAlwaysThere(dependency, 'a function, which is there', problems);
      else if (isOnDemand(other.model)) refuseAlwaysThere(dependency, 'on demand: it is started', problems);
      else if (dependency.model.condition === 'service_completed_successfully')
        refuseEndless(other, model.name, problems);
    }
  }
}

/** Compose's own default: what others wait for to end is not begun again by itself. */
export const restartOfJob = ({ model, restartAt }: ReadService, services: Services): Partial<ServiceModel> =>
  restartAt === undefined && awaiting(services, model.name) !== undefined ? { restart: 'no' } : {};

const awaiting = (services: Services, name: string): string | undefined =>
  [...services.values()].find(({ dependsOn }) =>
    dependsOn.some(({ model }) => model.name === name && model.condition === 'service_completed_successfully'),
  )?.model.name;

function refuseWaitingFunction({ model, conditionAt, restartAt }: ReadDependency, problems: Problems): void {
  const reason = 'a function is called whenever somebody asks for it';
  if (model.condition === 'service_completed_successfully')
    problems.unsupported(conditionAt, reason, 'Write service_started, or let a service wait.');
  if (model.restart) problems.unsupported(restartAt, `${reason}, and has nothing to restart`, 'Take it out.');
}

function refuseAlwaysThere({ model, conditionAt }: ReadDependency, what: string, problems: Problems): void {
  const reason = `"${model.name}" is ${what} whenever it is called`;
  problems.badValue(conditionAt, `"${model.condition}"`, reason, 'Write service_started.');
}

function refuseEndless({ model, restartAt }: ReadService, waiting: string, problems: Problems): void {
  if (restartAt === undefined || model.restart === 'no' || model.restart === 'on-failure') return;
  const reason = `"${waiting}" waits for its end, after which it would be started again`;
  problems.badValue(restartAt, `"${model.restart}"`, reason, 'Write restart: "no", or on-failure.');
}
