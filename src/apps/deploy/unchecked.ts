import { MinkeError } from '../../errors/index.ts';
import type { AppModel } from '../../model/app.ts';

/**
 * DEPENDENCY_FAILED where a service depends on the health of one that is never checked, for which it would wait for ever;
 * undefined where none does. `checked`: those whose file or image says how. Told before anything is stopped.
 */
export function findUnchecked({ services }: AppModel, checked: readonly string[]): MinkeError | undefined {
  for (const { name, dependsOn } of Object.values(services)) {
    const other = dependsOn.find(
      (one) =>
        one.condition === 'service_healthy' &&
        one.required &&
        services[one.name]?.kind === 'service' &&
        !checked.includes(one.name),
    );
    if (other === undefined) continue;
    const reason = `"${other.name}" has no health check, neither in the file nor in its image`;
    return new MinkeError('DEPENDENCY_FAILED', {
      name,
      dependency: other.name,
      condition: other.condition,
      reason,
    });
  }
  return undefined;
}
