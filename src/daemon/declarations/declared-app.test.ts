import { expect, it } from 'vitest';
import { readContainer } from '../../apps/declare/read-container.ts';
import type { AppModel } from '../../model/app.ts';
import { newId } from '../../model/ids.ts';
import { withFunction, withoutFunction, type DeclaredFunction } from './declared-app.ts';

const network = { id: newId(), name: 'p_default', isInternal: true, labels: {}, createdAt: 0 };

const declared = (name: string, labels: Record<string, string> = {}): DeclaredFunction => ({
  id: newId(),
  service: readContainer(name, name, { image: name, labels: { 'minke.function': 'cgi', ...labels } }),
  options: { name: `p_${name}_1`, attachments: [{ network: network.name, aliases: [name] }] },
  networks: [network],
});

it('puts functions of several containers together, each under the names that its container has on its network', () => {
  const [vote, result] = [declared('vote'), declared('result')];
  const app = withFunction('p', withFunction('p', undefined, vote), result);
  expect(Object.keys(app.services)).toEqual(['vote', 'result']);
  expect(app.services['vote']?.networks).toEqual([
    { network: 'p_default', aliases: ['vote', 'p_vote_1', vote.id.slice(0, 12)] },
  ]);
  expect(app.networks['p_default']).toEqual({ name: 'p_default', internal: true });
  const left = withoutFunction(app, vote.id);
  expect(Object.keys(left?.services ?? {})).toEqual(['result']);
  expect(left === undefined ? 'nothing' : withoutFunction(left, result.id)).toBeUndefined();
});

it('takes a container that starts again for the one that it is', () => {
  const vote = declared('vote', { 'minke.route': '/vote' });
  const app = withFunction('p', undefined, vote);
  expect(withFunction('p', app, vote)).toEqual(app);
});

it('refuses a name or a route that another container has, and an app that a file describes', () => {
  const app = withFunction('p', undefined, declared('vote', { 'minke.route': '/vote' }));
  expect(() => withFunction('p', app, declared('vote'))).toThrow(/The function "vote" of "p" belongs to the container/);
  expect(() => withFunction('p', app, declared('poll', { 'minke.route': '/vote' }))).toThrow(
    /The route "\/vote" of "p"/,
  );
  const service = readContainer('web', 'web', { image: 'web' });
  const ofFile: AppModel = { ...app, services: { web: service } };
  expect(() => withFunction('p', ofFile, declared('vote'))).toThrow(/described by an app file/);
});
