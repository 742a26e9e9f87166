import type { AppModel, ServiceModel } from '../../model/app.ts';

/** Services (not functions), each after those that it depends on, also through functions between them. */
export function startOrder({ services }: AppModel): readonly ServiceModel[] {
  const ordered = new Set<ServiceModel>();
  const seen = new Set<string>();
  const visit = (name: string): void => {
    const service = services[name];
    if (service === undefined || seen.has(name)) return;
    seen.add(name);
    service.dependsOn.forEach((dependency) => visit(dependency.name));
    if (service.kind === 'service') ordered.add(service);
  };
  Object.keys(services).forEach(visit);
  return [...ordered];
}
