import { describe, expect, it } from 'vitest';
import { matchRoute, dockerRoutes } from './routes.ts';
import { readTarget } from './target.ts';

describe('a request target', () => {
  it.each([
    ['/_ping', '/_ping', '1.47'],
    ['/v1.24/info', '/info', '1.24'],
    ['/v1.47/images/library/alpine:3/json?x=1', '/images/library/alpine:3/json', '1.47'],
    ['/images/alpine%3A3/json', '/images/alpine:3/json', '1.47'],
    ['/images/localhost:5000/a_b.c-d@sha256:0f/json', '/images/localhost:5000/a_b.c-d@sha256:0f/json', '1.47'],
  ])('%s is what it says, without a trick', (url, path, version) => {
    expect(readTarget(url)).toMatchObject({ path, version });
    expect(readTarget(url).trick).toBeUndefined();
  });

  it.each([
    ['//containers/create', '/containers/create'],
    ['/v1.41/../containers/create', '/containers/create'],
    ['/v1.41/x/..//containers/./create', '/containers/create'],
    ['/containers%2Fcreate', '/containers/create'],
    ['/containers/%63reate', '/containers/create'],
    ['/%2e%2e/containers/create', '/containers/create'],
    ['/../../containers/create', '/containers/create'],
    ['http://a/containers/create', '/containers/create'],
    ['/containers\\create', '/containers\\create'],
    ['/containers/create;x=1', '/containers/create;x=1'],
    ['/containers/cr%C3%A9ate', '/containers/créate'],
    ['*', '/*'],
  ])('%s is cleaned, and the trick is told', (url, path) => {
    const target = readTarget(url);
    expect(target.path).toBe(path);
    expect(target.trick).toMatch(/^it /);
  });

  it.each(['/a%00b', '/a%0d%0ab', '/%', '/%zz', '/%ff'])('%s is no path', (url) => {
    expect(() => readTarget(url)).toThrow(/is not a path/);
  });

  it.each([
    ['/v1.23/info', /too old/],
    ['/v0.99/info', /too old/],
    ['/v1.48/info', /too new/],
    ['/v2.0/info', /too new/],
  ])('%s: the version is refused', (url, words) => {
    expect(() => readTarget(url)).toThrow(words);
  });
});

describe('the table of calls', () => {
  it('has each call once, and no pattern hides an earlier meaning', () => {
    const keys = dockerRoutes.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(matchRoute('GET', '/containers/json')?.route.call).toBe('containerList');
    expect(matchRoute('GET', '/images/json')?.route.call).toBe('imageList');
    expect(matchRoute('POST', '/containers/create')?.route.call).toBe('containerCreate');
    expect(matchRoute('GET', '/images/a/b/c:1/json')?.parameters).toEqual({ image: 'a/b/c:1' });
  });

  it('takes method and path together, and a path whole', () => {
    expect(matchRoute('GET', '/containers/create')).toBeUndefined();
    expect(matchRoute('POST', '/containers/create/')).toBeUndefined();
    expect(matchRoute('POST', '/Containers/create')).toBeUndefined();
    expect(matchRoute('POST', '/x/containers/create')).toBeUndefined();
    expect(matchRoute('POST', '/containers/a/b/start')).toBeUndefined();
  });
});
