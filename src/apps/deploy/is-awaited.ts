import type { AppModel } from '../../model/app.ts';

/** Another service waits for its end: it is a job, which nobody expects to answer. */
export const isAwaited = ({ services }: Pick<AppModel, 'services'>, name: string): boolean =>
  Object.values(services).some(({ dependsOn }) =>
    dependsOn.some((one) => one.name === name && one.condition === 'service_completed_successfully'),
  );
