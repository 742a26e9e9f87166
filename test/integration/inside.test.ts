import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerCli, dockerPrograms, type DockerCli } from '../../src/dockerapi/docker-cli.fixture.ts';
import { createMinke, type Minke } from '../../src/sdk/minke.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';
import { madeBy } from './door-host.ts';
import { fixtureApp } from './isolation-fixtures.ts';

// It is not part of the set-up of every machine: where it is absent, dockerode and raw sockets show the calls in other tests.
// What the versions do differently with the same calls is shown at the operator's door.
const programs = dockerPrograms().slice(-1);

describe.skipIf(programs.length === 0).each(programs)(
  "%s in a function's image (skipped where there is no docker CLI)",
  (program) => {
    let daemon: TestDaemon;
    let minke: Minke;
    beforeAll(async () => {
      daemon = await startDaemon();
      minke = createMinke(daemon.api, 'inside');
      await loadBusybox(daemon, ['acme/record', 'acme/secret']);
      await daemon.up(fixtureApp('inside'), { environment: { DOCKER: program } });
      expect(await operator(['run', '-d', '--name', 'theirs', 'acme/record', 'sleep', '1000'])).toMatchObject({
        code: 0,
      });
    });
    afterAll(async () => {
      expect(await operator(['exec', 'theirs', 'echo', 'well'])).toMatchObject({ code: 0, out: 'well\n' });
      expect(await daemon.purge(), 'left on the host').toEqual([]);
    });

    const operator: DockerCli = async (args) => await dockerCli(join(daemon.dataFolder, 'minke.sock'), program)(args);

    /** What a script in the function writes, with `docker` as the CLI. */
    const inside = async (script: string): Promise<string> =>
      await minke.run('tool', [`docker() { ${program} "$@"; }; ${script}`], { stdout: true, stderr: true });

    it('DR-11 runs what may-run names, by its name and by its image, with exact output and exit code', async () => {
      expect(await inside('docker run --rm record echo hi')).toBe('hi\n');
      expect(await inside("docker run --rm acme/record sh -c 'exit 7'; echo $?")).toBe('7\n');
      expect(await inside('echo typed | docker run --rm -i record cat')).toBe('typed\n');
    });

    it('DR-11 runs detached, and waits, inspects, reads and removes what it started', async () => {
      const script = [
        "id=$(docker run -d --name mine record sh -c 'echo kept; exit 3')",
        'docker wait mine',
        "docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' $id",
        'docker logs mine',
        "docker ps -a --format '{{.Names}} {{.Image}}'",
        'docker rm mine',
        'docker ps -aq',
      ].join('; ');
      expect(await inside(script)).toBe('3\nexited 3\nkept\nmine acme/record\nmine\n');
    });

    it('DR-11 kills and stops what it started, and sees the image that it may run, and its events', async () => {
      const script = [
        'docker run -d --name one record sleep 300 >/dev/null',
        'docker kill one; docker wait one',
        'docker run -d --name two record sh -c \'trap "exit 4" TERM; while :; do sleep 0.1; done\' >/dev/null',
        'docker stop two; docker wait two',
        "docker images --format '{{.Repository}}'",
        "docker image inspect record --format '{{.RepoTags}}'",
        "docker events --since 0 --until $(($(/bin/busybox date +%s) + 1)) --filter event=die --format '{{.Actor.Attributes.name}}'",
        'docker rm one two >/dev/null',
      ].join('; ');
      expect(await inside(script)).toBe('one\n137\ntwo\n4\nacme/record\n[acme/record:latest]\none\ntwo\n');
    });

    it.each([
      ['HostConfig.Privileged', 'run --privileged record true'],
      ['HostConfig.CapAdd', 'run --cap-add SYS_ADMIN record true'],
      ['HostConfig.Binds', 'run -v /:/host record true'],
      ['HostConfig.Mounts', 'run --mount type=bind,source=/,target=/host record true'],
      ['HostConfig.PidMode', 'run --pid host record true'],
      ['HostConfig.IpcMode', 'run --ipc host record true'],
      ['HostConfig.Devices', 'run --device /dev/null record true'],
      ['HostConfig.SecurityOpt', 'run --security-opt seccomp=unconfined record true'],
      ['HostConfig.VolumesFrom', 'run --volumes-from theirs record true'],
      ['User', 'run -u 0 record true'],
      ['Entrypoint', 'run --entrypoint sh record -c true'],
      ['Image', 'run acme/secret true'],
      ['Image', 'run secret true'],
      ['container', 'logs theirs'],
      ['container', 'kill theirs'],
      ['container', 'exec theirs true'],
      ['container', 'cp theirs:/etc/hosts /tmp/hosts'],
      ['path', 'pull alpine:3'],
      ['path', 'volume ls'],
      ['path', 'network create mine'],
      ['path', 'system df'],
    ])('DR-11 is refused %s: docker %s', async (field, line) => {
      const before = madeBy(daemon).containers;
      const said = await inside(`docker ${line}; echo "ended with $?"`);
      expect(said).toContain(`Refused: ${field}: `);
      expect(said).toMatch(/\nended with [1-9]\d*\n$/);
      expect(madeBy(daemon).containers).toEqual(before);
    });
  },
);
