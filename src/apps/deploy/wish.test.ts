import { describe, expect, it } from 'vitest';
import type { ServiceModel } from '../../model/app.ts';
import { emptyApp, imageTarget } from '../instance/image-target.ts';
import { wished } from './wish.ts';

describe('what is wished for', () => {
  const service = (name: string, more: Partial<ServiceModel> = {}): ServiceModel => ({
    ...imageTarget(name, 'acme/x'),
    kind: 'service',
    ...more,
  });
  const all = [
    service('web', { replicas: 3 }),
    service('db', { isStopped: true }),
    service('rare', { scale: { maxInstances: 1, idleMs: 1 } }),
    service('vote', { kind: 'cgi' }),
  ];
  const model = { ...emptyApp('shop', '/'), services: Object.fromEntries(all.map((one) => [one.name, one])) };

  it('is another number of instances, of a service that was stopped too, and of no other', () => {
    const { model: scaled, options } = wished(model, { verb: 'scale', replicas: { db: 2 } });
    expect(scaled.services['db']).toEqual({ ...service('db'), replicas: 2 });
    expect({ ...scaled.services, db: undefined }).toEqual({ ...model.services, db: undefined });
    expect(options).toEqual({ only: ['db'], isAnew: false });
  });

  it('is that services do not run, or run again; without a name all those that run all the time', () => {
    const { model: stopped, options } = wished(model, { verb: 'stop', services: [] });
    expect(Object.values(stopped.services).map(({ name, isStopped = false }) => [name, isStopped])).toEqual([
      ['web', true],
      ['db', true],
      ['rare', false],
      ['vote', false],
    ]);
    expect(options).toEqual({ only: ['web', 'db'], isAnew: false });
    expect(wished(stopped, { verb: 'start', services: ['db'] }).model.services).toEqual({
      ...stopped.services,
      db: service('db'),
    });
    expect(wished(model, { verb: 'restart', services: ['web'] })).toEqual({
      model,
      options: { only: ['web'], isAnew: true },
    });
  });

  it('is refused for what is not there, and for what comes and goes with those who call it', () => {
    expect(() => wished(model, { verb: 'stop', services: ['wbe'] })).toThrow(
      expect.objectContaining({ code: 'SERVICE_NOT_FOUND', hint: 'Did you mean "web"?' }),
    );
    expect(() => wished(model, { verb: 'scale', replicas: { toString: 2 } })).toThrow(/Cannot find the service/);
    for (const name of ['vote', 'rare'])
      expect(() => wished(model, { verb: 'restart', services: [name] })).toThrow(
        expect.objectContaining({ code: 'NOT_SUPPORTED' }),
      );
  });
});
