import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorBody } from '../../src/errors/index.ts';
import type { TimelineEvent } from '../../src/model/timeline.ts';
import type { RunOptions } from '../../src/model/run.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { fixtureApp } from './isolation-fixtures.ts';
import { runsOf, type Ended, type RunTask } from './isolation-runs.ts';
import { askNeighbours, type Neighbours } from './neighbours.ts';

let daemon: TestDaemon;
let runTask: RunTask;
let neighbours: Neighbours;
let floodedDoor: Promise<Ended>;

beforeAll(async () => {
  daemon = await startDaemon();
  await daemon.up(fixtureApp('limits'));
  await daemon.up(fixtureApp('abuse'));
  runTask = runsOf(daemon, 'abuse');
  // It waits long for an answer; the others need not wait for it.
  floodedDoor = shell(`/usr/bin/perl -e '${floodOfDoor}'`);
  neighbours = askNeighbours({
    [`${daemon.gateway}/neighbour`]: 'neighbour\n',
    [`${daemon.gateway}/service`]: 'service\n',
    [`${daemon.gateway}/fresh`]: 'fresh\n',
  });
});

afterAll(async () => {
  const count = neighbours.fewest();
  expect(await neighbours.end(), 'wrong answers of neighbours').toEqual([]);
  expect(count, 'answers of each neighbour').toBeGreaterThan(20);
  expect(await daemon.purge(), 'left on the host').toEqual([]);
});

describe('a request whose container misbehaves', () => {
  it('fills /tmp: what does not fit is refused inside, at the size of the app file', async () => {
    const { status, body } = await page(`${head}; dd if=/dev/zero of=/tmp/f bs=1M 2>&1; wc -c </tmp/f`);
    expect(status).toBe(200);
    expect(body).toContain('No space left on device');
    expect(body.trim().split('\n').at(-1)).toBe(String(64 * 1024 * 1024));
  });

  it.each([
    ['ends without a word', 'exit 3', /it wrote nothing, and it ended with exit code 3/],
    ['writes garbage', 'head -c 100000 /dev/urandom', /did not answer with CGI/],
    ['writes one endless line', "yes | tr -d '\\n'", /its head is larger than 65536 bytes/],
    [
      'writes a head of 10 MB',
      "printf 'X: '; head -c 10000000 /dev/zero | tr '\\0' x",
      /its head is larger than 65536/,
    ],
  ])('%s: CGI_BAD_OUTPUT says what it was, in the answer and on the timeline', async (_, script, reason) => {
    const { status, error } = await page(script);
    expect([status, error?.code]).toEqual([502, 'CGI_BAD_OUTPUT']);
    expect(error?.message).toMatch(reason);
    await expectOnTimeline('page', 'CGI_BAD_OUTPUT');
  });

  it('ends at once, 12 times at once: each is told so', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, async () => await page('exit 0')));
    expect(new Set(answers.map(({ error }) => error?.code))).toEqual(new Set(['CGI_BAD_OUTPUT']));
  });

  it('closes its input: the request goes on', async () => {
    const padding = `#${'x'.repeat(8_000_000)}`;
    expect(await page(`exec <&-; ${head}; echo yes; exit\n${padding}`)).toMatchObject({ status: 200, body: 'yes\n' });
  });

  it('has said all that it declared and runs on, its output closed: it is ended, and the answer is whole', async () => {
    const long = "printf 'Content-Type: text/plain\\r\\nContent-Length: 4\\r\\n\\r\\nyes\\n'";
    expect(await page(`${long}; exec >&- 2>&-; while :; do sleep 1; done`)).toMatchObject({
      status: 200,
      body: 'yes\n',
    });
  });

  it('closes its output without having declared how much it is, and runs on: the answer is whole, and it is ended', async () => {
    const script = `${head}; echo all; exec >&- 2>&-; while :; do sleep 1; done`;
    expect(await page(script)).toMatchObject({ status: 200, body: 'all\n' });
    expect(await page(`${head}; echo half; sleep 4; echo all`)).toMatchObject({ body: 'half\nall\n' });
  });

  it('forks away: its first process is its end, and nothing of it remains', async () => {
    expect(await page(`${head}; ${forkAway(47110)}`)).toMatchObject({ status: 200, body: '1\n' });
    expect(commands().filter((command) => command.includes('47110'))).toEqual([]);
  });

  it.each([
    ['is deaf to SIGTERM', "trap '' TERM INT HUP; while :; do sleep 1; done"],
    ['stops itself', "/usr/bin/perl -e 'kill STOP => $$'; true"],
  ])('%s: it is killed at its deadline with REQUEST_TIMEOUT', async (_, script) => {
    const { status, error } = await page(script);
    expect([status, error?.code]).toEqual([504, 'REQUEST_TIMEOUT']);
    await expectOnTimeline('page', 'REQUEST_TIMEOUT');
  });

  it('writes without end to a client that does not read: it waits, takes no memory, and is killed at its deadline', async () => {
    const outgoing = request(`${daemon.gateway}/page`, { method: 'POST' }).on('error', () => undefined);
    outgoing.end(`${head}; yes`);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    const before = residentBytes();
    await expectOnTimeline('page', 'REQUEST_TIMEOUT', 200);
    expect(residentBytes() - before).toBeLessThan(128 * 1024 * 1024);
    incoming.destroy();
  });

  it('writes without end to a client that goes: it goes too', async () => {
    const outgoing = request(`${daemon.gateway}/page`, { method: 'POST' }).on('error', () => undefined);
    outgoing.end(`${head}; exec /bin/busybox yes 47112`);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    await once(incoming, 'readable');
    const living = (): string[] => commands().filter((command) => command.includes('yes 47112'));
    expect(living()).toHaveLength(1);
    outgoing.destroy();
    await expect.poll(living, { timeout: 20_000 }).toEqual([]);
  });
});

describe('a run whose container misbehaves', () => {
  it('fills /tmp: its log has the reason, and its failure the exit code', async () => {
    const { run, stderr } = await shell('dd if=/dev/zero of=/tmp/f bs=1M || exit 4');
    expect(run).toMatchObject({ state: 'failed', exitCode: 4, error: { code: 'RUN_FAILED' } });
    expect(stderr).toContain('No space left on device');
  });

  it('writes without end: it is ended at the limit of a result, which is kept up to there, and RESULT_TOO_LARGE says so everywhere', async () => {
    const { run, stdout } = await shell('yes', { resultBytes: 100_000 });
    expect(run).toMatchObject({ state: 'failed', error: { code: 'RESULT_TOO_LARGE' } });
    expect(run.error?.message).toContain('97.7 KiB');
    expect(stdout).toBe('y\n'.repeat(50_000));
    const ended = (await events('run.ended', 'shell')).find((event) => event.run === run.id);
    expect(ended?.facts).toMatchObject({ state: 'failed', error: 'RESULT_TOO_LARGE' });
    const { stdout: shown } = await daemon.cli(['runs', 'show', run.id]);
    expect(shown).toContain(run.error?.message);
  });

  it('ends well with a result that is too large by one byte: it has failed all the same, and one byte less is a result', async () => {
    const codes = [10, 11].map(
      async (count) => (await shell(`head -c ${count} /dev/zero`, { resultBytes: 10 })).run.error?.code,
    );
    expect(await Promise.all(codes)).toEqual([undefined, 'RESULT_TOO_LARGE']);
  });

  it('DR-7 is deaf to SIGTERM: it is killed after its grace, and the error says so', async () => {
    const { run } = await shell("trap '' TERM; while :; do sleep 1; done", {}, 300);
    expect(run).toMatchObject({ state: 'timed-out', exitCode: 137, error: { code: 'RUN_TIMED_OUT' } });
    expect(run.error?.message).toContain('was killed (it did not end within 2 s of SIGTERM)');
  });

  it('stops itself: its time-out ends it', async () => {
    const { run } = await shell("/usr/bin/perl -e 'kill STOP => $$'; exit 9", {}, 300);
    expect(run).toMatchObject({ state: 'timed-out', error: { code: 'RUN_TIMED_OUT' } });
  });

  it('closes all its streams and runs on: its exit code still counts', async () => {
    expect((await shell('exec <&- >&- 2>&-; sleep 0.2; exit 7')).run).toMatchObject({ state: 'failed', exitCode: 7 });
  });

  it('forks away: its first process is its end, and nothing of it remains', async () => {
    const { run, stdout } = await shell(forkAway(47111));
    expect([run.state, stdout]).toEqual(['succeeded', '1\n']);
    expect(commands().filter((command) => command.includes('47111'))).toEqual([]);
  });
});

describe('an instance of an http function that misbehaves', () => {
  it('fills /tmp: it is told so, and answers on', async () => {
    await untilServed();
    expect(await server('/fill')).toMatchObject({ status: 200, body: 'ENOSPC' });
    expect(await server('')).toMatchObject({ status: 200, body: 'server\n' });
  });

  it.each(['exit', 'garbage', 'header'])('answers with %s: UPSTREAM_FAILED, and the next is served', async (act) => {
    expect(await server(`/${act}`)).toMatchObject({ status: 502, error: { code: 'UPSTREAM_FAILED' } });
    await expectOnTimeline('server', 'UPSTREAM_FAILED');
    await untilServed();
  });

  it('stops itself and answers nobody: REQUEST_TIMEOUT, and it is replaced', async () => {
    expect(await server('/stop')).toMatchObject({ status: 504, error: { code: 'REQUEST_TIMEOUT' } });
    await untilServed();
    expect(await events('function.hangs', 'server')).toHaveLength(1);
  });
});

describe('a container that floods', () => {
  it('the door: what is too many, unreadable or too slow is told so, and another caller is served meanwhile', async () => {
    const other = shell(`/usr/bin/perl -e '${oneRequest}'`);
    expect((await other).stdout).toMatch(/^HTTP\/1.1 200 /);
    const { stdout } = await floodedDoor;
    const [tooMany = '', garbage = '', slow = ''] = stdout.split('----\n');
    expect(tooMany).toMatch(/^HTTP\/1.1 503 [^]*"TOO_MANY_CONNECTIONS"/);
    expect(garbage).toMatch(/^HTTP\/1.1 400 [^]*"REQUEST_REFUSED"/);
    expect(slow).toMatch(/^HTTP\/1.1 408 [^]*"REQUEST_REFUSED"/);
  });

  it('a function by its name, with connections that say nothing: others reach it all the same', async () => {
    const flood = shell(`/usr/bin/perl -e '${floodOfName}'`, {}, 60_000);
    await expect.poll(() => openConnections(), { timeout: 30_000 }).toBeGreaterThan(300);
    const { stdout } = await shell('wget -qO- http://neighbour/');
    expect(stdout).toBe('neighbour\n');
    expect((await flood).stdout).toBe('1300\n');
  });
});

describe('more runs than may be at once', () => {
  it('DR-7 50 runs of a task with concurrency 3 wait in line: never more than 3 containers at once, and all settle', async () => {
    let most = 0;
    let isOver = false;
    const watch = async (): Promise<void> => {
      while (!isOver) {
        most = Math.max(most, groupsOf('/bin/busybox sh -c : few').size);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const watching = watch();
    const runs = await Promise.all(
      Array.from({ length: 50 }, async () => await runTask('few', [': few; sleep 0.1; :'])),
    );
    isOver = true;
    await watching;
    expect(runs.map(({ run }) => run.state)).toEqual(runs.map(() => 'succeeded'));
    expect(most).toBe(3);
  }, 120_000);
});

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly error: ErrorBody | undefined;
}

async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${daemon.gateway}${path}`, { ...init, headers: { Accept: 'application/json' } });
  const body = await response.text();
  const error = response.status < 400 ? undefined : (JSON.parse(body) as { error: ErrorBody }).error;
  return { status: response.status, body, error };
}

/** A request to the cgi function, which runs the script. */
const page = async (script: string): Promise<Answer> => await ask('/page', { method: 'POST', body: script });

const server = async (act: string): Promise<Answer> => await ask(`/server${act}`);

/** A start may take longer than the time-out of a request. */
const untilServed = async (): Promise<void> =>
  await expect.poll(async () => (await server('')).body, { timeout: 60_000 }).toBe('server\n');

const shell = async (script: string, options: RunOptions = {}, timeoutMs?: number): Promise<Ended> =>
  await runTask('shell', [script], options, timeoutMs);

/** Says how many of those that have left it live. */
const forkAway = (mark: number): string =>
  `(setsid /bin/busybox sleep ${mark} &); sleep 0.3; ps | grep -v grep | grep -c 'sleep ${mark}'`;

const head = "printf 'Content-Type: text/plain\\r\\n\\r\\n'";

async function events(kind: string, name: string): Promise<TimelineEvent[]> {
  const all: TimelineEvent[] = [];
  for await (const event of daemon.api.lines<TimelineEvent>('events', { query: { app: 'abuse' } }))
    if (event.kind === kind && event.name === name) all.push(event);
  return all;
}

/** The last call of the function ended so. */
async function expectOnTimeline(name: string, code: string, status?: number): Promise<void> {
  await expect
    .poll(async () => (await events('call', name)).at(-1)?.facts, { timeout: 20_000 })
    .toMatchObject({ error: code, ...(status === undefined ? {} : { status }) });
}

/** Command lines of the host's processes, those in its containers too. */
const commands = (): string[] => processes().map(commandOf);

const processes = (): string[] => readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));

const commandOf = (pid: string): string => textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();

/** Cgroups, which are one for each container, of the processes whose command begins so. */
function groupsOf(command: string): Set<string> {
  const found = processes().filter((pid) => commandOf(pid).startsWith(command));
  return new Set(found.flatMap((pid) => /^\d+:memory:(.*)$|^0::(.*)$/m.exec(textOf(`/proc/${pid}/cgroup`))?.[0] ?? []));
}

const residentBytes = (): number => Number(/VmRSS:\s+(\d+)/.exec(textOf(`/proc/${daemon.pid}/status`))?.[1]) * 1024;

/** Sockets that the daemon holds. */
function openConnections(): number {
  return readdirSync(`/proc/${daemon.pid}/fd`).length;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const door = 'pack("Sa108", 1, "/run/minke/minke.sock")';
const readAll = 'sub all { my ($s) = @_; print while <$s>; print "\\n----\\n" }';

const floodOfDoor = `${readAll}
  my @held;
  for (1 .. 257) { socket(my $s, 1, 1, 0) or die; connect($s, ${door}) or die $!; push @held, $s }
  all($held[256]);
  syswrite($held[0], "\\xfe" x 1000); all($held[0]);
  syswrite($held[1], "GET / HT"); all($held[1]);`;

const oneRequest = `socket(my $s, 1, 1, 0) or die; connect($s, ${door}) or die $!;
  syswrite($s, "GET /minke/v1/runs HTTP/1.1\\r\\nHost: minke\\r\\nConnection: close\\r\\n\\r\\n"); print while <$s>;`;

const floodOfName = `open(my $h, "<", "/etc/hosts"); my ($ip) = map { /^(\\S+)\\s.*\\bneighbour\\b/ ? $1 : () } <$h>;
  my @held;
  for (1 .. 1300) { socket(my $s, 2, 1, 0) or die; connect($s, pack("SnC4x8", 2, 80, split /\\./, $ip)) or last; push @held, $s }
  select(undef, undef, undef, 3);
  print scalar(@held), "\\n";`;
