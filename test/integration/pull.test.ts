import { execFileSync } from 'node:child_process';
import { createPrivateKey, randomBytes, sign } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/image/layout/digest.ts';
import { architectureOf } from '../../src/image/layout/manifest.ts';
import { createRegistrySource, type RegistryOptions } from '../../src/image/registry/registry.ts';
import { createImageStore, type ImageStore } from '../../src/image/store.ts';
import { tarOf } from '../../src/image/testing/images.ts';
import { silentLog } from '../../src/observe/log.ts';
import { passOn, passwordAuth, startMeddler, startRegistry, type Meddler, type Registry } from './registry-host.ts';
import { createPusher, types, type Pushed } from './registry-push.ts';

const folder = mkdtempSync(join(tmpdir(), 'minke-pull-'));
const here = architectureOf(process.arch);
const elsewhere = here === 'arm64' ? 'amd64' : 'arm64';
const home = join(folder, 'home');
let registry: Registry;
let store: ImageStore;
let count = 0;

const open = (env: NodeJS.ProcessEnv = {}, options: Partial<RegistryOptions> = {}): ImageStore => {
  const source = createRegistrySource({ env: { HOME: home, ...env }, retryDelaysMs: [1, 1, 1], ...options });
  count += 1;
  return createImageStore({
    folder: join(folder, String(count)),
    nodePath: '/bin/true',
    log: silentLog,
    sources: [source],
  });
};
const named = (text: string): { plain: Buffer } => ({ plain: tarOf([{ name: text, text }]) });
const nameOf = (reference: string, host = registry.host): string => `${host}/${reference}`;
/** What failed pulls leave in the store: nothing. */
const leftIn = (): string[] =>
  ['tmp', 'blobs/sha256', 'layers', 'roots'].flatMap((part) => {
    try {
      return readdirSync(join(folder, String(count), part));
    } catch {
      return [];
    }
  });

beforeAll(async () => {
  mkdirSync(home);
  registry = await startRegistry();
});
afterAll(async () => {
  await registry.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  store = open();
});
afterEach(async () => {
  await store.close();
});

describe('an image in a registry', () => {
  it('DR-4 is pulled on first use by its tag, whatever its layers are compressed with, and once', async () => {
    const [plain, gzip, zstd] = [named('plain'), named('gzip'), named('zstd')];
    await createPusher(registry.host, 'acme/mixed').image(
      'v1',
      [
        plain,
        { ...gzip, sent: gzipSync(gzip.plain), mediaType: `${types.ociLayer}+gzip` },
        { ...zstd, sent: zstdCompressSync(zstd.plain), mediaType: `${types.ociLayer}+zstd` },
      ],
      { Cmd: ['/plain'] },
    );
    const ready = await store.prepare(nameOf('acme/mixed:v1'));
    expect(['plain', 'gzip', 'zstd'].map((name) => readFileSync(join(ready.rootPath, name), 'utf8'))).toEqual([
      'plain',
      'gzip',
      'zstd',
    ]);
    expect(ready.config.command).toEqual(['/plain']);
    expect((await store.inspect(nameOf('acme/mixed:v1')))?.names).toEqual([nameOf('acme/mixed:v1')]);
  });

  it('is had by digest, of its manifest and of the index that names it, and is then here without the registry', async () => {
    const push = createPusher(registry.host, 'acme/index');
    const mine = await push.image('mine', [named('mine')]);
    const other = await push.image('other', [named('other')]);
    const manifests = [
      { ...other, platform: { os: 'linux', architecture: elsewhere } },
      { ...mine, platform: { os: 'linux', architecture: here } },
    ];
    const index = await push.manifest('all', { manifests }, types.ociIndex);
    const byIndex = await store.prepare(nameOf(`acme/index@${index.digest}`));
    expect(readFileSync(join(byIndex.rootPath, 'mine'), 'utf8')).toBe('mine');
    for (const digest of [index.digest, mine.digest]) {
      const local = await store.prepare(nameOf(`acme/index@${digest}`), { isLocal: true });
      expect(local.id).toBe(byIndex.id);
    }
  });

  it('is had from Docker’s own manifests and lists as well', async () => {
    const push = createPusher(registry.host, 'acme/docker');
    const { plain } = named('docker');
    const config = await push.blob(
      Buffer.from(
        JSON.stringify({ architecture: here, os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf(plain)] } }),
      ),
      types.dockerConfig,
    );
    const layers = [await push.blob(gzipSync(plain), types.dockerLayer)];
    const manifest = await push.manifest('one', { config, layers }, types.dockerManifest);
    const manifests = [{ ...manifest, platform: { os: 'linux', architecture: here } }];
    await push.manifest('latest', { manifests }, types.dockerList);
    const ready = await store.prepare(nameOf('acme/docker'));
    expect(readFileSync(join(ready.rootPath, 'docker'), 'utf8')).toBe('docker');
  });

  it('is asked for again by pull, which moves the tag and fetches only layers that are not here', async () => {
    const push = createPusher(registry.host, 'acme/moving');
    const base = named('base');
    await push.image('v1', [base, named('first')]);
    const first = await store.pull(nameOf('acme/moving:v1'));
    await push.image('v1', [base, named('second')]);
    expect((await store.prepare(nameOf('acme/moving:v1'))).id).toBe(first.id);
    const totals = new Set<number>();
    const second = await store.pull(nameOf('acme/moving:v1'), {
      onProgress: ({ totalBytes }) => void totals.add(totalBytes),
    });
    expect([...totals]).toEqual([named('second').plain.length]);
    expect((await store.prepare(nameOf('acme/moving:v1'))).id).toBe(second.id);
    expect(second.id).not.toBe(first.id);
  });

  it.each([
    ['has no such repository', 'acme/none:v1', 'IMAGE_NOT_FOUND', 'does not have it'],
    ['has no such tag', 'acme/one-tag:v2', 'IMAGE_NOT_FOUND', 'does not have it'],
    ['has it for other machines only', 'acme/foreign:v1', 'IMAGE_NOT_FOUND', `not made for linux/${here}`],
    ['has an artifact of another kind', 'acme/chart:v1', 'IMAGE_MEDIA_TYPE', 'helm'],
    ['has it with a layer of another kind', 'acme/odd:v1', 'IMAGE_MEDIA_TYPE', 'squashfs'],
  ])('DR-4 is a distinct error when the registry %s', async (_, reference, code, text) => {
    const one = await createPusher(registry.host, 'acme/one-tag').image('v1', [named('x')]);
    const foreign = createPusher(registry.host, 'acme/foreign');
    const image = await foreign.image('x', [named('x')]);
    const platform = { os: 'linux', architecture: elsewhere };
    await foreign.manifest('v1', { manifests: [{ ...image, platform }] }, types.ociIndex);
    const chart = createPusher(registry.host, 'acme/chart');
    const config = await chart.blob(Buffer.from('{}'), 'application/vnd.cncf.helm.config.v1+json');
    await chart.manifest('v1', { config, layers: [] }, types.ociManifest);
    const odd = createPusher(registry.host, 'acme/odd');
    await odd.image('v1', [{ ...named('x'), mediaType: 'application/vnd.sylabs.squashfs' }]);
    expect(one.size).toBeGreaterThan(0);
    await expect(store.prepare(nameOf(reference))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
    expect(leftIn()).toEqual([]);
  });

  it('DR-4 is a distinct error, with its mend, when nobody listens there', async () => {
    const gone = await startMeddler(registry);
    await gone.close();
    await expect(store.prepare(nameOf('acme/x:v1', gone.host))).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('nothing listens there'),
      hint: expect.stringContaining('minke load'),
    });
  });
});

it('a registry outside is asked through the proxy of the environment, one on this machine never', async () => {
  const tunnels: string[] = [];
  const proxy = createServer((_, response) => response.writeHead(500).end());
  proxy.on('connect', (request, socket) => {
    tunnels.push(request.url ?? '');
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  await store.close();
  store = open({ HTTPS_PROXY: url, HTTP_PROXY: url });
  await createPusher(registry.host, 'acme/near').image('v1', [named('near')]);
  await store.pull(nameOf('acme/near:v1'));
  await expect(store.pull('registry.invalid/acme/far:v1')).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
  expect(tunnels).toEqual(['registry.invalid:443']);
  proxy.close();
});

describe('a login', () => {
  const login = { username: 'ada', password: 'lo:ve' };
  const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  let closed: Registry;

  const withConfig = (config: object): ImageStore => {
    const configFolder = join(folder, `docker-${count}`);
    mkdirSync(configFolder, { recursive: true });
    writeFileSync(join(configFolder, 'config.json'), JSON.stringify(config));
    return open({ DOCKER_CONFIG: configFolder });
  };

  beforeAll(async () => {
    closed = await startRegistry(passwordAuth(login));
    await createPusher(closed.host, 'acme/secret', { authorization: `Basic ${auth}` }).image('v1', [named('secret')]);
  });
  afterAll(async () => await closed.close());

  it('is taken from "auths" in the config.json of Docker', async () => {
    store = withConfig({ auths: { [closed.host]: { auth } } });
    expect((await store.pull(nameOf('acme/secret:v1', closed.host))).names).toEqual([
      nameOf('acme/secret:v1', closed.host),
    ]);
  });

  it('of the caller comes before it', async () => {
    store = withConfig({ auths: { [closed.host]: { auth: Buffer.from('ada:wrong').toString('base64') } } });
    await expect(store.pull(nameOf('acme/secret:v1', closed.host), { credentials: login })).resolves.toBeDefined();
  });

  it.each<[string, (host: string) => object, string]>([
    ['is missing', () => ({}), 'asks for a login'],
    ['is wrong', (host) => ({ auths: { [host]: { username: 'ada', password: 'no' } } }), 'with the login of "ada"'],
    ['lies with a credential helper', (host) => ({ credHelpers: { [host]: 'pass' } }), 'helper "pass"'],
    ['lies with a credential store', (host) => ({ auths: { [host]: {} }, credsStore: 'desktop' }), 'helper "desktop"'],
    ['is a token', (host) => ({ auths: { [host]: { identitytoken: 'x' } } }), 'is a token'],
    ['is broken', (host) => ({ auths: { [host]: { auth: 'bm9jb2xvbg==' } } }), 'is not base64 of NAME:PASSWORD'],
  ])('that %s is refused access, in words that say so', async (_, config, text) => {
    store = withConfig(config(closed.host));
    await expect(store.pull(nameOf('acme/secret:v1', closed.host))).rejects.toMatchObject({
      code: 'IMAGE_ACCESS_DENIED',
      message: expect.stringContaining(text),
    });
  });
});

describe('a token', () => {
  let guarded: Registry;
  let tokens: Server;
  let realm = '';
  const asked: string[] = [];
  const access = (actions: readonly string[]): object[] => [{ type: 'repository', name: 'acme/token', actions }];
  let makeToken: (access: object[]) => string;

  beforeAll(async () => {
    tokens = createServer((request, response) => {
      asked.push(`${request.headers.authorization ?? 'anonymous'} ${request.url}`);
      const isKnown = request.headers.authorization !== `Basic ${Buffer.from('eve:x').toString('base64')}`;
      response
        .writeHead(isKnown ? 200 : 401)
        .end(JSON.stringify(isKnown ? { token: makeToken(access(['pull'])) } : {}));
    }).listen(0, '127.0.0.1');
    await once(tokens, 'listening');
    realm = `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`;
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    const options = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=minke',
      '-days',
      '2',
    ];
    execFileSync('openssl', ['req', '-x509', ...options, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
    const pem = readFileSync(certificate, 'utf8');
    makeToken = (granted) => jwt(readFileSync(key, 'utf8'), pem, granted);
    guarded = await startRegistry({
      auth: {
        token: { realm, service: 'test-service', issuer: 'test-issuer', rootcertbundle: 'FOLDER/certificate.pem' },
      },
      files: { 'certificate.pem': pem },
    });
    const authorization = `Bearer ${makeToken(access(['pull', 'push']))}`;
    await createPusher(guarded.host, 'acme/token', { authorization }).image('v1', [named('token')]);
  });
  afterAll(async () => {
    await guarded.close();
    tokens.close();
  });

  it('is fetched from where the registry says, for this repository, with the login where there is one', async () => {
    asked.length = 0;
    const reference = nameOf('acme/token:v1', guarded.host);
    await store.pull(reference);
    const query = `/token?service=test-service&scope=${encodeURIComponent('repository:acme/token:pull')}`;
    expect(asked).toEqual([`anonymous ${query}`]);
    await store.pull(reference, { credentials: { username: 'ada', password: 'love' } });
    expect(asked.at(-1)).toBe(`Basic ${Buffer.from('ada:love').toString('base64')} ${query}`);
  });

  it('that is refused is a refused access', async () => {
    const credentials = { username: 'eve', password: 'x' };
    await expect(store.pull(nameOf('acme/token:v1', guarded.host), { credentials })).rejects.toMatchObject({
      code: 'IMAGE_ACCESS_DENIED',
      message: expect.stringContaining('"eve"'),
    });
  });
});

describe('between minke and the registry', () => {
  let meddler: Meddler;
  // Random, so that it is as long when it is compressed.
  const big = tarOf([{ name: 'big', text: randomBytes(400_000) }]);
  const bigPath = `/v2/acme/big/blobs/${digestOf(big)}`;
  let pushed: Pushed;
  let reference = '';

  beforeAll(async () => {
    pushed = await createPusher(registry.host, 'acme/big').image('v1', [{ plain: big }]);
  });
  beforeEach(async () => {
    meddler = await startMeddler(registry);
    reference = nameOf('acme/big:v1', meddler.host);
  });
  afterEach(async () => await meddler.close());

  it('a transfer that breaks off goes on where it broke off, as often as it takes', async () => {
    meddler.meddle = (request, response, pass) => {
      if (request.url !== bigPath) return void passOn(response, pass);
      void pass().then(({ incoming, bytes }) => {
        response.writeHead(incoming.statusCode ?? 0, incoming.headers);
        response.write(bytes.subarray(0, 90_000), () => response.destroy());
      });
      return undefined;
    };
    // The last piece is shorter than what is let through, and so comes whole.
    await store.pull(reference);
    const ranges = meddler.asked.filter((line) => line.startsWith(bigPath)).map((line) => line.split(' bytes=')[1]);
    expect(ranges.length).toBeGreaterThanOrEqual(5);
    expect(ranges[0]).toBeUndefined();
    const starts = ranges.slice(1).map((range) => Number(range?.replace('-', '')));
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(starts[0]).toBeGreaterThan(0);
    expect((await store.inspect(reference))?.layers).toEqual([digestOf(big)]);
  });

  it('a transfer begins again where the registry knows no ranges', async () => {
    let breaks = 1;
    meddler.meddle = (request, response, pass) => {
      delete request.headers.range;
      if (request.url !== bigPath || breaks === 0) return void passOn(response, pass);
      breaks -= 1;
      void pass().then(({ incoming, bytes }) => {
        response.writeHead(incoming.statusCode ?? 0, incoming.headers);
        response.write(bytes.subarray(0, 90_000), () => response.destroy());
      });
      return undefined;
    };
    const seen: number[] = [];
    await store.pull(reference, { onProgress: ({ doneBytes }) => void seen.push(doneBytes) });
    expect(seen.at(-1)).toBe(big.length);
    expect((await store.inspect(reference))?.layers).toEqual([digestOf(big)]);
  });

  it('a transfer that never gets further is given up, and leaves nothing', async () => {
    meddler.meddle = (request, response, pass) => {
      if (request.url !== bigPath) return void passOn(response, pass);
      response.destroy();
      return undefined;
    };
    await expect(store.pull(reference)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(leftIn()).toEqual([]);
  });

  it('silence ends, and is a registry that cannot be reached', async () => {
    await store.close();
    store = open({}, { silenceMs: 100, retryDelaysMs: [] });
    meddler.meddle = () => undefined;
    await expect(store.pull(reference)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('nothing came for 0.1 s'),
    });
  });

  it('a registry that is busy is asked again', async () => {
    let busy = 2;
    meddler.meddle = (_, response, pass) => {
      if (busy === 0) return void passOn(response, pass);
      busy -= 1;
      response.writeHead(503).end();
      return undefined;
    };
    await expect(store.pull(reference)).resolves.toBeDefined();
  });

  it('a pull that is given up stops asking, and leaves nothing', async () => {
    const ending = new AbortController();
    meddler.meddle = (request, response, pass) => {
      if (request.url !== bigPath) return void passOn(response, pass);
      response.writeHead(200, { 'content-length': big.length });
      response.write(big.subarray(0, 50_000), () => ending.abort(new Error('changed my mind')));
      return undefined;
    };
    await expect(store.pull(reference, { signal: ending.signal })).rejects.toThrow('changed my mind');
    expect(leftIn()).toEqual([]);
  });

  type Change = (bytes: Buffer) => Buffer;
  const flip: Change = (bytes) => {
    const changed = Buffer.from(bytes);
    changed[bytes.length >> 1] = (changed[bytes.length >> 1] ?? 0) ^ 1;
    return changed;
  };
  it.each<[string, (url: string) => boolean, Change]>([
    ['layer', (url) => url === bigPath, flip],
    ['layer that is longer than it should be', (url) => url === bigPath, (bytes) => Buffer.concat([bytes, bytes])],
    ['config', (url) => url.includes('/blobs/') && url !== bigPath, flip],
    ['manifest', (url) => url.includes('/manifests/sha256:'), (bytes) => Buffer.concat([bytes, Buffer.from(' ')])],
  ])(
    'DR-4 a %s that was changed on the way is a digest that does not match, and leaves nothing',
    async (_, isIt, change) => {
      meddler.meddle = (request, response, pass) => {
        if (!isIt(request.url ?? '')) return void passOn(response, pass);
        void pass().then(({ incoming, bytes }) => {
          const changed = change(bytes);
          response.writeHead(200, { ...incoming.headers, 'content-length': changed.length }).end(changed);
        });
        return undefined;
      };
      const byDigest = nameOf(`acme/big@${pushed.digest}`, meddler.host);
      await expect(store.pull(byDigest)).rejects.toMatchObject({ code: 'IMAGE_DIGEST_MISMATCH' });
      expect(leftIn()).toEqual([]);
    },
  );

  it.each([
    ['blob', (url: string) => url === bigPath, 'IMAGE_DIGEST_MISMATCH'],
    ['manifest', (url: string) => url.includes('/manifests/'), 'IMAGE_INVALID'],
  ])('a %s without an end is cut off', async (_, isIt, code) => {
    let sentBytes = 0;
    meddler.meddle = (request, response, pass) => {
      if (!isIt(request.url ?? '')) return void passOn(response, pass);
      const chunk = Buffer.alloc(100_000, ' ');
      const more = (): void => {
        sentBytes += chunk.length;
        response.write(chunk, (error) => (error === null || error === undefined ? more() : undefined));
      };
      response.writeHead(200, { 'content-type': types.ociManifest });
      more();
      return undefined;
    };
    await expect(store.pull(reference)).rejects.toMatchObject({ code });
    expect(sentBytes).toBeLessThan(64 * 1024 ** 2);
    expect(leftIn()).toEqual([]);
  });

  it.each<[string, (depth: number) => object, string]>([
    ['bad JSON', () => ({ raw: '{"mediaType":' }), 'is not JSON'],
    ['an index that names itself', () => ({ self: true }), 'IMAGE_DIGEST_MISMATCH'],
    ['a manifest and an index at once', () => ({ layers: [], manifests: [] }), 'at once'],
    ['a manifest without layers', () => ({ mediaType: types.ociManifest }), 'names no config and layers'],
    ['an index of nothing', () => ({ mediaType: types.ociIndex, manifests: [] }), 'not made for'],
    [
      'an old manifest',
      () => ({ mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws' }),
      'prettyjws',
    ],
  ])('a registry that sends %s is understood to be wrong', async (_, bodyOf, text) => {
    meddler.meddle = (request, response) => {
      const body = bodyOf(0) as { raw?: string; self?: boolean };
      const self = {
        mediaType: types.ociIndex,
        manifests: [{ mediaType: types.ociIndex, digest: digestOf('self'), size: 4 }],
      };
      const sent = body.raw ?? JSON.stringify(body.self === true ? self : body);
      response.writeHead(200, { 'content-type': types.ociManifest }).end(sent);
      expect(request.method).toBe('GET');
    };
    const outcome = await store
      .pull(reference)
      .then(String, (error: { code: string; message: string }) => `${error.code} ${error.message}`);
    expect(outcome).toContain(text);
    expect(leftIn()).toEqual([]);
  });

  it('indexes within indexes end', async () => {
    const push = createPusher(registry.host, 'acme/deep');
    let inner = await push.image('x', [named('x')]);
    for (let depth = 0; depth < 6; depth += 1)
      inner = await push.manifest(`d${depth}`, { manifests: [inner] }, types.ociIndex);
    await expect(store.pull(nameOf('acme/deep:d5'))).rejects.toThrow('more than 4 deep');
    await expect(store.pull(nameOf('acme/deep:d1'))).resolves.toBeDefined();
  });

  it('an image of more layers than anybody makes is refused before they come', async () => {
    const push = createPusher(registry.host, 'acme/many');
    const { plain } = named('x');
    const layer = await push.blob(plain, types.ociLayer);
    const config = await push.blob(Buffer.from('{"rootfs":{"diff_ids":[]}}'), types.ociConfig);
    await push.manifest('v1', { config, layers: Array.from({ length: 257 }, () => layer) }, types.ociManifest);
    await expect(store.pull(nameOf('acme/many:v1'))).rejects.toThrow('it has 257 layers');
    expect(leftIn()).toEqual([]);
  });

  it.each([
    ['to plain HTTP elsewhere', 'http://192.0.2.1/x'],
    ['to a file', 'file:///etc/passwd'],
  ])('a redirect %s is refused', async (_, location) => {
    meddler.meddle = (_request, response) => void response.writeHead(307, { location }).end();
    await expect(store.pull(reference)).rejects.toMatchObject({
      code: 'REGISTRY_FAILED',
      message: expect.stringContaining(location),
    });
  });

  it('a redirect is followed without the login, which is not for whoever it leads to', async () => {
    const elsewhereHost = await startMeddler(registry);
    const logins: (string | undefined)[] = [];
    elsewhereHost.meddle = (request, response, pass) => {
      logins.push(request.headers.authorization);
      void passOn(response, pass);
    };
    meddler.meddle = (request, response, pass) => {
      if (request.headers.authorization === undefined)
        return void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      if (request.url !== bigPath) return void passOn(response, pass);
      return void response.writeHead(307, { location: `http://${elsewhereHost.host}${bigPath}` }).end();
    };
    await store.pull(reference, { credentials: { username: 'ada', password: 'love' } });
    expect(logins).toEqual([undefined]);
    await elsewhereHost.close();
  });

  it('a circle of redirects ends', async () => {
    meddler.meddle = (request, response) => void response.writeHead(307, { location: request.url }).end();
    await expect(store.pull(reference)).rejects.toThrow('redirects more than 5 times');
  });
});

/** As the registry's token specification has it, with the certificate of its key in the head. */
function jwt(key: string, certificate: string, access: readonly object[]): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const x5c = [certificate.replace(/-----[^-]+-----|\s/g, '')];
  const claims = {
    iss: 'test-issuer',
    sub: '',
    aud: 'test-service',
    exp: now + 600,
    nbf: now - 60,
    iat: now,
    jti: 'x',
    access,
  };
  const text = `${encode({ typ: 'JWT', alg: 'ES256', x5c })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(text), { key: createPrivateKey(key), dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
