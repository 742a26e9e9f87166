import { describe, expect, it } from 'vitest';
import { argsLimitBytes, inputLimitBytes, parseIdempotencyKey, parseRunRequest } from './parse.ts';

const target = { function: 'work' };

describe('a run request', () => {
  it('is read as it is when everything about it is right', () => {
    const request = {
      app: 'shop@test',
      target: { image: 'registry.example:5000/alpine:3@sha256:00' },
      args: ['a', ''],
      env: { KEY: 'a=b', __proto__x: '' },
      options: {
        entrypoint: ['/bin/sh'],
        cpus: 0.5,
        mounts: [{ type: 'volume', source: 'data', target: '/data', readOnly: true }],
        capAdd: ['NET_ADMIN'],
        keep: false,
        stdin: 'open',
      },
      timeoutMs: 0,
      input: Buffer.from('ä').toString('base64'),
    };
    expect(parseRunRequest(request)).toEqual(request);
    expect(parseRunRequest({ target })).toEqual({ target });
  });

  it.each([
    [null, '"body" is null; it must be an object, such as {"target": {"function": "work"}}'],
    [[], '"body" is a list; it must be an object'],
    [{}, '"target" is missing; add it'],
    [{ target: {} }, '"target" must have either "function" or "image"; write {"function": NAME}'],
    [{ target: { function: 'a', image: 'b' } }, '"target" must have either "function" or "image"'],
    [{ target: { function: '../a' } }, '"target.function" is "../a"; it must be the name of a function'],
    [{ target: { image: '' } }, '"target.image" is ""; it must be the reference of an image'],
    [{ target: { func: 'a' } }, '"target.func" is not a field; "target" has function, image'],
    [
      { target, arg: ['a'] },
      '"arg" is not a field; a run has app, target, args, env, options, timeoutMs, notBefore, retries, maxAgeMs, input',
    ],
    [{ target, app: 'Shop' }, '"app" is "Shop"; it must be the name of an app, such as "shop"'],
    [{ target, args: 'a b' }, '"args" is "a b"; it must be a list, such as ["a", "b"]'],
    [{ target, args: ['a', 5] }, '"args[1]" is 5; it must be a string'],
    [{ target, args: ['a\0b'] }, 'without a NUL character'],
    [
      { target, args: ['x'.repeat(argsLimitBytes)] },
      `"args" has ${argsLimitBytes + 1} bytes, and ${argsLimitBytes} is`,
    ],
    [{ target, env: ['A=1'] }, '"env" is a list; it must be an object, such as {"KEY": "value"}'],
    [{ target, env: { A: 1 } }, '"env.A" is 1; it must be a string'],
    [{ target, env: { 'A=': '' } }, '"a name in env" is "A="; it must be the name of a variable'],
    [{ target, env: { A: 'x'.repeat(200_000) } }, '"env" has 200003 bytes'],
    [{ target, timeoutMs: -1 }, '"timeoutMs" is -1; it must be milliseconds, 0 for no end: a whole number from 0'],
    [{ target, timeoutMs: 1e12 }, 'from 0 to 2147483647'],
    [{ target, timeoutMs: '30s' }, '"timeoutMs" is "30s"'],
    [{ target, input: 'a%' }, '"input" is "a%"; it must be base64'],
    [{ target, input: 'YQ' }, '"input" is "YQ"; it must be base64 with its padding'],
    [{ target, options: { cpus: 'two' } }, '"options.cpus" is "two"; it must be a number of cores'],
    [{ target, options: { memoryBytes: 1.5 } }, '"options.memoryBytes" is 1.5; it must be bytes'],
    [{ target, options: { workdir: 'srv' } }, '"options.workdir" is "srv"; it must be an absolute path'],
    [{ target, options: { network: 'host' } }, '"options.network" is "host"; it must be "app" or "none"'],
    [{ target, options: { priviledged: true } }, '"options.priviledged" is not a field; "options" has entrypoint,'],
    [
      { target, options: { mounts: [{ type: 'bind', target: '/a' }] } },
      '"options.mounts[0].readOnly" is missing; add it',
    ],
    [
      { target, options: { mounts: [{ type: 'nfs', target: '/a', readOnly: true }] } },
      '"options.mounts[0].type" is "nfs"',
    ],
    [{ target, callback: { url: 'ftp://a/b' } }, '"callback.url" is "ftp://a/b"; it must be an http or https URL'],
    [{ target, callback: { url: 'http://me:word@a/' } }, 'URL without a user'],
    [{ target, callback: {} }, '"callback.url" is missing'],
    [{ target, options: { capAdd: 'ALL' } }, '"options.capAdd" is "ALL"; it must be a list'],
  ])('that is wrong is refused with its field and its mend: %#', (body, message) => {
    expect(() => parseRunRequest(body)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', message: expect.stringContaining(message) as string }) as Error,
    );
  });

  it('may have 8 MiB of input and no byte more', () => {
    const most = Buffer.alloc(inputLimitBytes).toString('base64');
    expect(parseRunRequest({ target, input: most }).input).toHaveLength(most.length);
    const more = Buffer.alloc(inputLimitBytes + 1).toString('base64');
    expect(() => parseRunRequest({ target, input: more })).toThrow(/"input" has 8388609 bytes/);
  });

  it('quotes no more of a wrong value than one can read', () => {
    expect(() => parseRunRequest({ target, app: 'X'.repeat(100_000) })).toThrow(/\(100002 characters\)/);
  });
});

describe('an idempotency key', () => {
  it('is any 1 to 255 visible characters', () => {
    expect(parseIdempotencyKey(undefined)).toBeUndefined();
    expect(parseIdempotencyKey('order-17')).toBe('order-17');
    for (const bad of ['', 'two words', 'x'.repeat(256)])
      expect(() => parseIdempotencyKey(bad)).toThrow(/Idempotency-Key/);
  });
});
