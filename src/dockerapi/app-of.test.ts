import { expect, it } from 'vitest';
import type { RunOptions } from '../model/run.ts';
import { appOf } from './app-of.ts';
import type { Network } from './networks.ts';

const networkOf = (name: string, labels: Network['labels']): Network => ({
  id: name,
  name,
  isInternal: false,
  labels,
  createdAt: 0,
});
const project = (name: string): Network['labels'] => ({ 'com.docker.compose.project': name });
const all = [
  networkOf('front', project('shop')),
  networkOf('back', project('shop')),
  networkOf('other', { 'minke.app': 'blog' }),
  networkOf('plain', {}),
  networkOf('strange', project('../x')),
];
const of = (options: RunOptions): string =>
  appOf(options, { find: (name) => all.find((network) => network.name === name) });
const on = (...networks: string[]): RunOptions => ({
  attachments: networks.map((network) => ({ network, aliases: [] })),
});
const cgi = { 'minke.function': 'cgi' };

it.each([
  ['shop', on('front', 'back')],
  ['shop', on('bridge', 'front')],
  ['blog', on('other')],
  ['default', on('plain')],
  ['default', on('strange')],
  ['default', {}],
  ['default', { labels: project('shop') }],
  ['shop', { labels: { ...project('shop'), ...cgi } }],
  ['shop', { ...on('front'), labels: { ...project('blog'), ...cgi } }],
  ['default', { labels: cgi }],
])('is %s for %j', (app, options) => {
  expect(of(options)).toBe(app);
});

it('refuses networks of two apps', () => {
  expect(() => of(on('front', 'other'))).toThrow(/apps "shop", "blog" is not supported/);
});
