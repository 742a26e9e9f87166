import { expect, it } from 'vitest';
import { readContainer, type ContainerWords } from './read-container.ts';

const read = (words: ContainerWords) => readContainer('vote', 'voting_vote_1', { image: 'voting-vote', ...words });

it('reads a labelled container as an app file with the same labels', () => {
  const labels = {
    'minke.function': 'task',
    'minke.may-run': 'a, b',
    'minke.timeout': '1m',
    'minke.outbound': 'none',
    'minke.retries.max': '5',
    'com.docker.compose.service': 'vote',
  };
  expect(read({ labels, environment: ['A=b=c', 'EMPTY='] })).toMatchObject({
    name: 'vote',
    kind: 'task',
    image: 'voting-vote',
    mayRun: ['a', 'b'],
    timeoutMs: 60_000,
    outbound: 'none',
    retries: { max: 5 },
    readOnly: true,
    environment: { A: 'b=c', EMPTY: '' },
    labels: { 'com.docker.compose.service': 'vote' },
  });
});

it.each([
  [{ 'minke.function': 'cgi', 'minke.rout': '/' }, 'APP_FILE_UNKNOWN_KEY', 'labels.minke.rout'],
  [{ 'minke.function': 'cig' }, 'APP_FILE_BAD_VALUE', 'labels.minke.function'],
  [{ 'minke.function': 'cgi', 'minke.scale.max': '3' }, 'APP_FILE_UNSUPPORTED_KEY', 'labels.minke.scale'],
  [{ 'minke.function': 'cgi', 'minke.pack.runtime': 'node' }, 'APP_FILE_BAD_VALUE', 'labels.minke.pack'],
])('refuses %j by the name of the container and the label', (labels, code, key) => {
  expect(() => read({ labels })).toThrow(
    expect.objectContaining({ code, facts: expect.objectContaining({ key, place: 'container voting_vote_1' }) }),
  );
});
