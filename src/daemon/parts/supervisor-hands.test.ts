import { describe, expect, it } from 'vitest';
import type { DependencyModel, ServiceModel } from '../../model/app.ts';
import type { ReadyImage } from '../../model/instance.ts';
import { emptyApp, imageTarget } from '../../apps/instance/image-target.ts';
import { policyOf } from './supervisor-hands.ts';

describe('what counts for a service that is kept up', () => {
  it('is its policy with its bounds, and the health check of its image where the file says nothing', () => {
    const restart = { restart: 'on-failure', restartBounds: { maxAttempts: 3 } } as const;
    expect(policyOf(deployed({ db: restart }), 'db')).toMatchObject({
      restart: { condition: 'on-failure', bounds: { maxAttempts: 3 } },
      health: { test: ['of-image'], retries: 3 },
    });
    const own = { test: ['own'], retries: 9 };
    expect(policyOf(deployed({ db: { healthcheck: own } }), 'db')?.health).toMatchObject(own);
    expect(policyOf(deployed({ db: { healthcheck: 'none' } }), 'db')?.health).toBeUndefined();
  });

  it('is nothing for a function, and for what is not there', () => {
    expect(policyOf(deployed({ db: { kind: 'http' } }), 'db')).toBeUndefined();
    expect(policyOf(deployed({ db: {} }), 'other')).toBeUndefined();
  });

  it('is no check of the image for a job, which may be that of a server, but one of its own', () => {
    const condition = 'service_completed_successfully';
    const need: DependencyModel = { name: 'db', condition, required: true, restart: false };
    const web = { dependsOn: [need] };
    expect(policyOf(deployed({ web, db: {} }), 'db')?.health).toBeUndefined();
    expect(policyOf(deployed({ web, db: { healthcheck: { test: ['own'] } } }), 'db')?.health?.test).toEqual(['own']);
  });
});

function deployed(services: Readonly<Record<string, Partial<ServiceModel>>>) {
  const models = Object.entries(services).map(
    ([name, more]) => [name, { ...imageTarget(name, 'acme/x'), kind: 'service', ...more }] as const,
  );
  return {
    model: { ...emptyApp('shop', '/'), services: Object.fromEntries(models) as Record<string, ServiceModel> },
    images: new Map(models.map(([name]) => [name, image])),
  };
}

const image: ReadyImage = {
  id: 'sha256:1',
  reference: 'acme/x',
  rootPath: '/x',
  config: {
    entrypoint: [],
    command: [],
    env: {},
    workdir: '',
    user: '',
    exposedPorts: [],
    labels: {},
    volumes: [],
    healthcheck: { test: ['of-image'] },
  },
};
