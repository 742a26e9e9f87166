import { describe, expect, it } from 'vitest';
import type { DependencyModel, ServiceModel } from '../../model/app.ts';
import { emptyApp, imageTarget } from '../instance/image-target.ts';
import { findUnchecked } from './unchecked.ts';

describe('a condition on the health of a service', () => {
  const service = (name: string, more: Partial<ServiceModel> = {}): ServiceModel => ({
    ...imageTarget(name, 'acme/x'),
    kind: 'service',
    ...more,
  });
  const appWith = (more: Partial<DependencyModel>) => {
    const need = { name: 'db', condition: 'service_healthy', required: true, restart: false, ...more } as const;
    return { ...emptyApp('shop', '/'), services: { web: service('web', { dependsOn: [need] }), db: service('db') } };
  };

  it('that is never checked is told of, with both names', () => {
    expect(findUnchecked(appWith({}), [])).toMatchObject({
      code: 'DEPENDENCY_FAILED',
      message:
        'Cannot start "web": it depends on "db" with the condition service_healthy, and "db" has no health check, ' +
        'neither in the file nor in its image',
    });
  });

  it.each<[string, Partial<DependencyModel>, readonly string[]]>([
    ['that is checked', {}, ['db']],
    ['that is not required', { required: false }, []],
    ['that is not asked for', { condition: 'service_started' }, []],
    ['of what is not part of the app', { name: 'other' }, []],
  ])('%s is no failure', (_, more, checked) => {
    expect(findUnchecked(appWith(more), checked)).toBeUndefined();
  });
});
