import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dockerCli, type DockerResult } from './docker-cli.fixture.ts';
import { openDoors, type Doors } from './doors.fixture.ts';

const hasCli = spawnSync('docker', ['--version']).status === 0;

// The CLI is not part of the set-up: where it is absent, dockerode and raw sockets show the same in the other tests.
describe.skipIf(!hasCli)("the docker CLI at the operator's door (skipped where there is no docker CLI)", () => {
  let doors: Doors;
  beforeEach(async () => {
    doors = await openDoors();
  });
  afterEach(() => doors.close());

  const docker = async (args: string[], input = '', door = doors.operator): Promise<DockerResult> =>
    await dockerCli(door)(args, input);

  const idOf = async (name: string): Promise<string> => (await docker(['inspect', '-f', '{{.Id}}', name])).out.trim();

  it('runs to the end with exact output and forgets with --rm', async () => {
    expect(await docker(['run', '--rm', 'img', 'echo', 'hi'])).toEqual({ code: 0, out: 'hi\n', err: '' });
    expect((await docker(['ps', '-aq'])).out).toBe('');
  });

  it('gives a name again whose container has removed itself', async () => {
    for (const word of ['once', 'twice'])
      expect(await docker(['run', '--rm', '--name', 'again', 'img', 'echo', word])).toMatchObject({ out: `${word}\n` });
  });

  it('keeps stdout and stderr apart and hands on the exit code', async () => {
    const result = await docker(['run', '--rm', 'img', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    expect(result).toEqual({ code: 7, out: 'out\n', err: 'err\n' });
  });

  it('gives input and its end: echo hi | docker run -i cat', async () => {
    expect(await docker(['run', '--rm', '-i', 'img', 'cat'], 'hi\n')).toEqual({ code: 0, out: 'hi\n', err: '' });
  });

  it('loses no byte of a megabyte that goes through', async () => {
    const input = 'minke '.repeat(180_000);
    const result = await docker(['run', '--rm', '-i', 'img', 'cat'], input);
    expect(result.out === input).toBe(true);
  });

  it('survives input that nobody reads', async () => {
    const result = await docker(['run', '--rm', '-i', 'img', 'sh', '-c', 'head -c 2'], 'x'.repeat(500_000));
    expect(result).toEqual({ code: 0, out: 'xx', err: '' });
  });

  it('runs detached; ps, logs, wait, inspect and rm work on it', async () => {
    const id = (
      await docker(['run', '-d', '--name', 'quick', '-e', 'WHO=whale', 'img', 'sh', '-c', 'echo $WHO'])
    ).out.trim();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect((await docker(['wait', 'quick'])).out).toBe('0\n');
    expect((await docker(['logs', 'quick'])).out).toBe('whale\n');
    expect((await docker(['logs', '-t', 'quick'])).out).toMatch(/^\d{4}-\d\d-\d\dT\S+Z whale\n$/);
    expect(
      (await docker(['inspect', '-f', '{{.State.Status}} {{.State.ExitCode}} {{.Name}}', id.slice(0, 12)])).out,
    ).toBe('exited 0 /quick\n');
    expect((await docker(['ps', '-a', '--format', '{{.Names}} {{.Image}} {{.State}}'])).out).toBe(
      'quick img:latest exited\n',
    );
    expect((await docker(['rm', 'quick'])).code).toBe(0);
    expect((await docker(['inspect', 'quick'])).err).toMatch(/no such object/i);
  });

  it('kills and stops what runs, and refuses to remove it unless forced', async () => {
    await docker(['run', '-d', '--name', 'long', 'img', 'sleep', '60']);
    expect((await docker(['ps', '--format', '{{.Names}}'])).out).toBe('long\n');
    expect((await docker(['rm', 'long'])).err).toContain('it is running');
    expect((await docker(['kill', 'long'])).out).toBe('long\n');
    expect((await docker(['wait', 'long'])).out).toBe('137\n');
    await docker(['run', '-d', '--name', 'stopped', 'img', 'sleep', '60']);
    expect((await docker(['stop', 'stopped'])).code).toBe(0);
    expect((await docker(['wait', 'stopped'])).out).toBe('143\n');
    await docker(['run', '-d', '--name', 'forced', 'img', 'sleep', '60']);
    expect((await docker(['rm', '-f', 'forced'])).code).toBe(0);
    expect((await docker(['ps', '-q'])).out).toBe('');
  });

  it('DR-4 says that an image is not here, asks for it, and says why it does not come', async () => {
    const result = await docker(['run', '--rm', 'no/such', 'true']);
    expect(result.code).toBe(125);
    expect(result.err).toContain("Unable to find image 'no/such:latest' locally");
    expect(result.err).toContain('its registry does not have it');
  });

  it('says why a program cannot start', async () => {
    const result = await docker(['run', '--rm', 'img', 'no-such-program']);
    expect(result.code).not.toBe(0);
    expect(result.err).toContain('ENOENT');
  });

  it('lists, describes and loads images', async () => {
    expect((await docker(['images', '--format', '{{.Repository}}:{{.Tag}}'])).out).toContain('img:latest\n');
    expect((await docker(['image', 'inspect', '-f', '{{.Os}} {{.Config.Cmd}}', 'img'])).out).toBe('linux [true]\n');
    expect((await docker(['pull', 'img'])).out).toContain('img:latest is here, as sha256:');
    expect((await docker(['load'], 'a tar')).out).toBe('Loaded image: img:latest\n');
  });

  it('follows logs to their end, and attaches to what runs', async () => {
    await docker(['run', '-d', '-i', '--name', 'talker', 'img', 'sh', '-c', 'echo early; cat']);
    const printed = async (word: string): Promise<void> => {
      for await (const { bytes } of doors.containers.logs(await idOf('talker'), { follow: true })) {
        if (bytes.toString().includes(word)) return;
      }
    };
    await printed('early');
    // Whichever of the two comes first, two lines is all there will be.
    const follow = docker(['logs', '-f', '--tail', '2', 'talker']);
    const attached = docker(['attach', '--sig-proxy=false', 'talker'], 'typed\n');
    await printed('typed');
    await docker(['kill', 'talker']);
    expect((await follow).out).toBe('early\ntyped\n');
    expect((await attached).out).toBe('typed\n');
  });

  it('answers version and info', async () => {
    expect((await docker(['version', '-f', '{{.Server.Version}} {{.Server.APIVersion}}'])).out).toBe('0.1.0 1.47\n');
    expect((await docker(['info', '-f', '{{.Name}} {{.NCPU}}'])).out).toBe('host 2\n');
  });

  it('says of everything else what is not supported', async () => {
    const search = await docker(['search', 'whale']);
    expect(search.err).toContain('Searching for images is not supported');
    const device = await docker(['run', '--device', '/dev/null', 'img']);
    expect(device.err).toContain('HostConfig.Devices is not supported');
  });

  it("DR-11 runs a function at a function's door and is refused a privileged one", async () => {
    const allowed = await docker(['run', '--rm', 'record', 'echo', 'counted'], '', doors.vote);
    expect(allowed).toEqual({ code: 0, out: 'counted\n', err: '' });
    const refused = await docker(['run', '--rm', '--privileged', 'record', 'echo', 'counted'], '', doors.vote);
    expect(refused.err).toContain('Refused: HostConfig.Privileged: ');
  });
});
