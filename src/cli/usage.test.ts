import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { allCommands } from './all-commands.ts';
import { cli } from './testing/cli.ts';

describe('help', () => {
  it('shows every command in its group, with one line each, and how to begin', async () => {
    const { stdout, stderr, code } = await cli(['--help']);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    for (const { name, summary, group } of allCommands) {
      expect(stdout).toMatch(new RegExp(`\n${group}\n(  .*\n)*  ${name} +${summary}\n`));
    }
    expect(stdout).toContain('minke up -d');
    expect(stdout).not.toContain('\x1b[');
    expect((await cli([])).stdout).toBe(stdout);
    expect((await cli(['help'])).stdout).toBe(stdout);
  });

  it.each(allCommands)('explains $name: what it does, how it is called, every option', async (entry) => {
    const { name, summary, load } = entry;
    const { stdout, code } = await cli([...name.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`${summary}.\n\nUsage  minke ${name} `);
    for (const option of Object.keys((await load()).options ?? {})) expect(stdout).toContain(`--${option}`);
  });

  it('help COMMAND, and the commands of a family', async () => {
    expect((await cli(['help', 'up'])).stdout).toBe((await cli(['up', '-h'])).stdout);
    const family = await cli(['runs', '--help']);
    expect(family).toMatchObject({ code: 0, stderr: '' });
    expect(family.stdout).toContain('runs cancel   End runs');
  });

  it('--version prints the version and nothing else', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    expect(await cli(['--version'])).toEqual({ stdout: `${version}\n`, stderr: '', code: 0 });
  });
});

describe('usage errors', () => {
  const wrong: readonly (readonly [line: string, message: string, hint: string])[] = [
    ['upp', 'There is no command "minke upp"', 'Did you mean minke up? minke --help shows all commands.'],
    ['conjure', 'There is no command "minke conjure"', 'minke --help shows all commands.'],
    ['runs lss', 'There is no command "minke runs lss"', 'Did you mean minke runs ls?'],
    ['runs', 'minke runs needs a command', 'Write one after it: minke runs ls|show|logs|wait|cancel|retry'],
    ['up --wiat', 'minke up has no option --wiat', 'Did you mean --wait? minke up --help shows its options.'],
    ['up -x', 'minke up has no option -x', 'minke up --help shows its options.'],
    ['run', 'minke run needs TARGET', 'minke run --help shows how it is called.'],
    ['scale', 'minke scale needs SERVICE=N', 'minke scale --help shows how it is called.'],
    ['scale web', '"web" does not say how many of which service', 'Write SERVICE=N: minke scale web=3'],
    ['scale web=-1', '"web=-1" does not say how many of which service', 'Write SERVICE=N: minke scale web=3'],
    ['ps voting', 'minke ps cannot take "voting" as well', 'minke ps --help shows how it is called.'],
    ['ps --format jsn', '--format cannot be "jsn": it is one of table, json', 'Did you mean --format json?'],
    ['run --timeout', '--timeout needs a value', 'Write it after it: --timeout 30s'],
    [
      'run --timeout 3 x',
      '--timeout cannot be "3": it is not a duration',
      'Write a number with its unit: --timeout 30s',
    ],
    ['run -e =1 x', '--env cannot be "=1": it has no name', 'Write --env NAME=VALUE'],
    ['call f --data {', '--data is not JSON: {', `Quote text twice: --data '"text"'; a file is --data @FILE`],
    ['serve --gateway here', `The gateway's address cannot be "here"`, 'Write HOST:PORT: --gateway 127.0.0.1:8080'],
    ['completion bsh', 'There is no completion for "bsh"', 'Did you mean bash?'],
    [
      'runs ls --state lost',
      '--state cannot be "lost": a run is in no such state',
      'They are queued, starting, running, succeeded, failed, timed-out, cancelled, dead.',
    ],
  ];

  it.each(wrong)('minke %s: exit 2, the reason and a way out on stderr', async (line, message, hint) => {
    const expected = { stdout: '', stderr: `minke: ${message}\nhint: ${hint}\n`, code: 2 };
    expect(await cli(line.split(' '), { env: { MINKE_DATA: '/nowhere' } })).toEqual(expected);
  });
});

describe('errors', () => {
  it('no daemon: exit 3 with the address and the command that starts one', async () => {
    expect(await cli(['status'], { env: { MINKE_DATA: '/nowhere' } })).toEqual({
      stdout: '',
      stderr: 'minke: No daemon answers at /nowhere/minke.sock\nhint: Start one: minke serve\n',
      code: 3,
    });
  });

  it('no app file: exit 1 with where it was looked for', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'minke-'));
    const { stderr, code } = await cli(['up'], { cwd: folder, env: { MINKE_DATA: '/nowhere' } });
    expect(code).toBe(1);
    expect(stderr).toContain(
      `minke: Cannot find an app file: neither ${folder} nor a folder above it has a compose.yaml`,
    );
    const missing = await cli(['up', 'mine.yaml'], { cwd: folder });
    expect(missing.stderr).toContain('minke: Cannot find an app file: "mine.yaml" does not exist\n');
    await rm(folder, { recursive: true });
  });
});

describe('completion', () => {
  it('bash completes commands, their second words and options from the script', async () => {
    const { stdout: script } = await cli(['completion', 'bash']);
    const complete = async (...words: string[]): Promise<string[]> => {
      const typed = words.map((word) => `'${word}'`).join(' ');
      const program = `${script}\nCOMP_WORDS=(minke ${typed}); COMP_CWORD=${words.length}; _minke; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout } = await promisify(execFile)('bash', ['-c', program]);
      return stdout.split('\n').filter((word) => word !== '');
    };
    expect(await complete('s')).toEqual(['scale', 'stop', 'start', 'schedule', 'serve', 'status', 'shutdown']);
    expect(await complete('runs', 'l')).toEqual(['ls', 'logs']);
    expect(await complete('runs', 'ls', '--s')).toEqual(['--state']);
    expect(await complete('up', '--')).toContain('--wait');
    expect(await complete('up', 'compose')).toEqual([]);
  });

  it.each(['zsh', 'fish'])('%s gets every command and option', async (shell) => {
    const { stdout } = await cli(['completion', shell]);
    for (const { name, load } of allCommands) {
      for (const word of [...name.split(' '), ...Object.keys((await load()).options ?? {})])
        expect(stdout).toContain(word);
    }
  });
});
