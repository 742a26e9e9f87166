import { expect, it } from 'vitest';
import { dockerSocket } from './address.ts';

it('is the socket that DOCKER_HOST names, or the usual one', () => {
  const asked = [undefined, '', 'unix:///run/mine.sock'];
  expect(asked.map(dockerSocket)).toEqual(['/var/run/docker.sock', '/var/run/docker.sock', '/run/mine.sock']);
});

it('is refused on another machine, which has neither our folders nor our networks', () => {
  expect(() => dockerSocket('tcp://10.0.0.1:2375')).toThrow('DOCKER_HOST=tcp://10.0.0.1:2375 is not supported');
});
