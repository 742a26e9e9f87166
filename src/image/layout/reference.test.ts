import { describe, expect, it } from 'vitest';
import { fullName, parseReference, shortName } from './reference.ts';

describe('image names', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/library/busybox:latest', 'docker.io/library/busybox:latest'],
    ['acme/ledger', 'docker.io/acme/ledger:latest'],
    ['ghcr.io/acme/api:v1', 'ghcr.io/acme/api:v1'],
    ['localhost/api', 'localhost/api:latest'],
    ['localhost:5000/api', 'localhost:5000/api:latest'],
    ['registry:5000/a/b/c:x', 'registry:5000/a/b/c:x'],
  ])('%s means %s', (text, full) => {
    expect(fullName(parseReference(text))).toBe(full);
  });

  it('keep their digest, and with one need no tag', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(parseReference(`acme/api@${digest}`)).toMatchObject({ path: 'acme/api', tag: undefined, digest });
    expect(parseReference(`acme/api:v2@${digest}`)).toMatchObject({ tag: 'v2', digest });
  });

  it.each(['', 'Busybox', 'a//b', 'a:b:c', '-a', 'a@sha256:12', 'a b', '../a', 'a:'])('"%s" is refused', (text) => {
    expect(() => parseReference(text)).toThrow('it is not an image name');
  });

  it.each([
    ['docker.io/library/busybox:latest', 'busybox:latest'],
    ['docker.io/acme/api:v1', 'acme/api:v1'],
    ['ghcr.io/acme/api:v1', 'ghcr.io/acme/api:v1'],
  ])('%s is shown as %s', (full, short) => {
    expect(shortName(full)).toBe(short);
  });
});
