import { describe, expect, it } from 'vitest';
import { memory, modelOf } from '../testing/app-file.ts';
import { appNames } from './app-names.ts';

const names = (text: string) => appNames(modelOf(memory(text)));

describe('what the network of an app answers for', () => {
  it('is each service by its own name, where no network is named', () => {
    expect(names('services: {web: {image: a}, db: {image: a}}')).toEqual({
      names: ['db', 'web'],
      networks: { default: { web: 'web', db: 'db' } },
      ports: [],
    });
  });

  it('is on each network who is on it, under the aliases that hold there', () => {
    const text = `
services:
  web: {image: a, container_name: shop_web, networks: {front: , back: {aliases: [proxy]}}}
  db: {image: a, networks: [back]}
  job: {image: a, network_mode: none}
networks: {front: , back: , unused: }
`;
    expect(names(text)).toEqual({
      names: ['db', 'job', 'web'],
      networks: {
        front: { shop_web: 'web', web: 'web' },
        back: { shop_web: 'web', proxy: 'web', web: 'web', db: 'db' },
      },
      ports: [],
    });
  });

  it('is every port that a service publishes', () => {
    const text = 'services: {web: {image: a, ports: ["127.0.0.1:8080:80", "53/udp"]}}';
    expect(names(text).ports).toEqual([
      { name: 'web', hostIp: '127.0.0.1', hostPorts: [8080, 8080], containerPort: 80, protocol: 'tcp' },
      { name: 'web', containerPort: 53, protocol: 'udp' },
    ]);
  });
});
