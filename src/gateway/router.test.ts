import { describe, expect, it } from 'vitest';
import type { MinkeError } from '../errors/index.ts';
import type { Target } from './capacity.ts';
import { createRouter, type Route } from './router.ts';

const target = (app: string, name: string): Target => ({
  app,
  name,
  kind: 'http',
  port: 8080,
  timeoutMs: 30_000,
  concurrency: 100,
  limits: { memoryBytes: 0, pids: 256 },
});

const route = (app: string, name: string, prefix: string, host?: string): Route => ({
  prefix,
  target: target(app, name),
  ...(host === undefined ? {} : { host }),
});

describe('the router', () => {
  it('takes the longest prefix that ends on a segment border', () => {
    const router = createRouter();
    router.setRoutes('a', [route('a', 'root', '/'), route('a', 'vote', '/vote'), route('a', 'deep', '/vote/x/y')]);
    const nameAt = (path: string): string | undefined => router.match('any', path)?.target.name;
    expect(['/', '/vote', '/vote/', '/vote/x', '/vote/x/y', '/vote/x/y/z', '/votes', '/x/vote'].map(nameAt)).toEqual([
      'root',
      'vote',
      'vote',
      'vote',
      'deep',
      'deep',
      'root',
      'root',
    ]);
    expect(router.match('any', '/vote/x')?.prefix).toBe('/vote');
  });

  it('finds nothing where no prefix leads', () => {
    const router = createRouter();
    router.setRoutes('a', [route('a', 'vote', '/vote/x')]);
    expect(['/', '/vote', '/vote/xx', ''].map((path) => router.match('h', path))).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
  });

  it('prefers the routes of the host to those of every host, and falls back to them', () => {
    const router = createRouter();
    router.setRoutes('a', [
      route('a', 'every', '/'),
      route('a', 'long', '/p/q'),
      route('a', 'mine', '/p', 'h.example'),
    ]);
    const nameAt = (host: string, path: string): string | undefined => router.match(host, path)?.target.name;
    expect(nameAt('h.example', '/p/q')).toBe('mine');
    expect(nameAt('h.example', '/else')).toBe('every');
    expect(nameAt('other', '/p/q')).toBe('long');
  });

  it('refuses a route that another app has, and leaves everything as it was', () => {
    const router = createRouter();
    router.setRoutes('a', [route('a', 'vote', '/vote', 'h')]);
    router.setRoutes('b', [route('b', 'old', '/old')]);
    const take = (): void => router.setRoutes('b', [route('b', 'new', '/new'), route('b', 'vote', '/vote', 'h')]);
    expect(take).toThrow(
      expect.objectContaining({ code: 'ROUTE_TAKEN', facts: { route: 'h/vote', app: 'b', owner: 'a' } }) as MinkeError,
    );
    expect(router.match('h', '/vote')?.target.app).toBe('a');
    expect(router.match('h', '/old')?.target.name).toBe('old');
    expect(router.match('h', '/new')).toBeUndefined();
  });

  it('refuses the same route twice in one app', () => {
    const twice = (): void => createRouter().setRoutes('a', [route('a', 'x', '/p'), route('a', 'y', '/p')]);
    expect(twice).toThrow(expect.objectContaining({ code: 'ROUTE_TAKEN' }) as MinkeError);
  });

  it('replaces what an app had, and forgets it with the app', () => {
    const router = createRouter();
    router.setRoutes('a', [route('a', 'one', '/one'), route('a', 'deep', '/one/two')]);
    router.setRoutes('a', [route('a', 'two', '/one/two')]);
    expect(router.match('h', '/one')).toBeUndefined();
    expect(router.match('h', '/one/two')?.target.name).toBe('two');
    router.removeApp('a');
    expect(router.match('h', '/one/two')).toBeUndefined();
    expect(router.find('a', 'two')).toBeUndefined();
    router.setRoutes('b', [route('b', 'two', '/one/two')]);
    expect(router.match('h', '/one/two')?.target.app).toBe('b');
  });

  it('finds by name the targets with a route and those without', () => {
    const router = createRouter();
    router.setRoutes('a', [route('a', 'vote', '/vote')], [target('a', 'db')]);
    expect([router.find('a', 'vote')?.name, router.find('a', 'db')?.name]).toEqual(['vote', 'db']);
    expect([router.find('b', 'db'), router.find('a', 'no')]).toEqual([undefined, undefined]);
  });

  it('holds 10,000 functions, each found among the others', () => {
    const router = createRouter();
    for (let app = 0; app < 100; app += 1) {
      const routes = Array.from({ length: 100 }, (_, at) => route(`app${app}`, `f${at}`, `/app${app}/f${at}`));
      router.setRoutes(`app${app}`, routes);
    }
    expect(router.match('h', '/app42/f7/x')?.target).toMatchObject({ app: 'app42', name: 'f7' });
    router.removeApp('app42');
    expect(router.match('h', '/app42/f7')).toBeUndefined();
    expect(router.match('h', '/app43/f7')).toBeDefined();
  });
});
