import { describe, expect, it } from 'vitest';
import { memory, modelOf } from '../testing/app-file.ts';
import { configDigest } from './config-digest.ts';
import { outboundOf } from './outbound-of.ts';

const app = (networks: string, block = '', inside = '{internal: true}') =>
  modelOf(
    memory(`
services: {web: {image: a, networks: ${networks}${block}}}
networks: {inside: ${inside}, deeper: {internal: true}, front: }
`),
  );

function outbound(...words: Parameters<typeof app>): unknown {
  const model = app(...words);
  const { web } = model.services;
  return web && outboundOf(model, web);
}

describe('where a service may go outside', () => {
  it.each([
    ['[front]', 'public'],
    ['[inside]', 'none'],
    ['[inside, deeper]', 'none'],
    ['[inside, front]', 'public'],
  ])('with the networks %s: %s', (networks, expected) => {
    expect(outbound(networks)).toBe(expected);
  });

  it('is the narrower of what it may do itself and what its networks let it', () => {
    const listed = ', x-minke: {outbound: ["203.0.113.0/24:80"]}';
    expect(outbound('[inside]', listed)).toBe('none');
    expect(outbound('[inside, front]', listed)).toEqual([{ cidr: '203.0.113.0/24', port: 80 }]);
    expect(outbound('[front]', ', x-minke: {outbound: none}')).toBe('none');
  });
});

describe('an instance', () => {
  const digest = (...words: Parameters<typeof app>): string => {
    const model = app(...words);
    const { web } = model.services;
    return web === undefined ? '' : configDigest(model, web, 'sha256:1');
  };

  it('is another one on other networks, or where one of them has become internal', () => {
    expect(digest('[front, inside]')).not.toBe(digest('[front]'));
    expect(digest('[inside]')).not.toBe(digest('[inside]', '', '{}'));
  });

  it('is the same however its networks are written, and whatever it is called on them and published at', () => {
    expect(digest('[inside, front]')).toBe(digest('[front, inside]'));
    expect(digest('{front: {aliases: [www]}}')).toBe(digest('[front]'));
    expect(digest('[front]', ', expose: ["80"], ports: ["8080:80"]')).toBe(digest('[front]', ', expose: ["80"]'));
  });
});
