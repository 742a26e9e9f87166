import { isOnDemand, type AppModel, type ServiceModel } from '../../model/app.ts';

/** Services that run all the time, each after those that it depends on, also through others between them. */
export function startOrder({ services }: AppModel): readonly ServiceModel[] {
  const ordered = new Set<ServiceModel>();
  const seen = new Set<string>();
  const visit = (name: string): void => {
    const service = services[name];
    if (service === undefined || seen.has(name)) return;
    seen.add(name);
    service.dependsOn.forEach((dependency) => visit(dependency.name));
    if (service.kind === 'service' && !isOnDemand(service)) ordered.add(service);
  };
  Object.keys(services).forEach(visit);
  return [...ordered];
}
