import { expect, it } from 'vitest';
import { emptyApp, imageTarget } from '../instance/image-target.ts';
import { findForeignEngine } from './foreign-engine.ts';

const both = { name: 'docker', engines: ['docker', 'sandbox'], details: {} } as const;
const one = { name: 'sandbox', details: {} } as const;
const appOn = (engine?: 'sandbox' | 'docker') => ({
  ...emptyApp('app', '/'),
  services: { web: { ...imageTarget('web', 'img'), ...(engine === undefined ? {} : { engine }) } },
});

it.each([
  [undefined, one],
  ['sandbox', one],
  ['docker', both],
  ['sandbox', both],
] as const)('lets a service that insists on %s be where that is', (engine, description) => {
  expect(findForeignEngine(appOn(engine), description)).toBeUndefined();
});

it('tells of the engine that a service insists on and the daemon does not have', () => {
  expect(findForeignEngine(appOn('docker'), one)?.message).toContain('The engine "docker" of "web"');
});
