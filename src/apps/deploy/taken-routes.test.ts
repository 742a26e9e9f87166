import { describe, expect, it } from 'vitest';
import type { AppModel, RouteModel } from '../../model/app.ts';
import { emptyApp, imageTarget } from '../instance/image-target.ts';
import { findTakenRoute } from './taken-routes.ts';

describe('the routes of an app', () => {
  const shop = withRoutes('shop', [{ prefix: '/shop' }, { host: 'a.example', prefix: '/' }]);

  it('are refused where another app has one of them', () => {
    const other = withRoutes('other', [{ host: 'a.example', prefix: '/' }]);
    expect(findTakenRoute(shop, [other])).toMatchObject({
      code: 'ROUTE_TAKEN',
      facts: { route: 'a.example', app: 'shop', owner: 'other' },
    });
  });

  it('are free where they differ in host or path, and where the app has them already', () => {
    const other = withRoutes('other', [{ prefix: '/' }, { host: 'b.example', prefix: '/shop' }]);
    expect(findTakenRoute(shop, [other, shop])).toBeUndefined();
  });
});

const withRoutes = (name: string, routes: readonly RouteModel[]): AppModel => ({
  ...emptyApp(name, '/srv'),
  services: { web: { ...imageTarget('web', 'acme/web'), routes } },
});
