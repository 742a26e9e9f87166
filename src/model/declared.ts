import type { AppModel, ServiceModel } from './app.ts';
import type { Id } from './ids.ts';

/** Of a function that a container from the Docker API stands for, and not an app file, which cannot say it. */
export const containerLabel = 'minke.container';

/** The container that a function is there by. */
export const declaredBy = ({ labels }: Pick<ServiceModel, 'labels'>): Id | undefined => labels[containerLabel];

/** An app of such functions; a file and containers never describe one together. */
export const isDeclared = ({ services }: Pick<AppModel, 'services'>): boolean =>
  Object.values(services).every((service) => declaredBy(service) !== undefined);
