import { setTimeout as delay } from 'node:timers/promises';
import { styleText } from 'node:util';
import { showBoard } from './demo/board.ts';
import { checkVoting } from './demo/check.ts';
import { hostOf } from './demo/host.ts';
import { startOwnDaemon, type OwnDaemon } from './demo/own-daemon.ts';
import { bringUp, type VotingApp } from './demo/voting-app.ts';

// `npm run demo`: the voting example on a daemon of its own, until Ctrl-C; nothing of it is left then.
// `npm run demo -- --check`: votes by itself, looks whether all is as it must be, and ends.

const isCheck = process.argv.includes('--check');
const stop = new AbortController();
process.on('SIGINT', () => stop.abort());
process.on('SIGTERM', () => stop.abort());

process.exitCode = (await runDemo()) ? 0 : 1;

async function runDemo(): Promise<boolean> {
  if (process.geteuid?.() !== 0) return fail(['The demo runs containers and needs root: sudo npm run demo']);
  print('Starting a daemon with data of its own');
  let daemon: OwnDaemon;
  try {
    daemon = await startOwnDaemon(stop.signal);
  } catch (error) {
    return stop.signal.aborted || fail([messageOf(error)]);
  }
  const problems = [...(await useDaemon(daemon)), ...(await endDaemon(daemon))];
  if (problems.length > 0) return fail(problems);
  print(styleText('green', isCheck ? 'All is as it must be, and nothing is left behind' : 'Nothing is left behind'));
  return true;
}

/** What went wrong; an abort is how it ends well. */
async function useDaemon(daemon: OwnDaemon): Promise<readonly string[]> {
  try {
    const app = await bringUp(daemon.api, (step) => print(styleText('dim', `  ${step}`)), stop.signal);
    return isCheck ? await runCheck(daemon, app) : await stayUp(daemon, app);
  } catch (error) {
    return stop.signal.aborted && !isCheck ? [] : [messageOf(error), `The daemon's log ends:\n${daemon.log()}`];
  }
}

function runCheck({ api, status }: OwnDaemon, { model }: VotingApp): Promise<readonly string[]> {
  const host = hostOf(status);
  return checkVoting({ api, app: model.name, url: urlOf(status), host, print, signal: stop.signal });
}

async function stayUp({ api, status, ended }: OwnDaemon, { model }: VotingApp): Promise<readonly string[]> {
  print('');
  for (const page of ['vote', 'result']) print(`  ${page.padEnd(8)}${styleText('cyan', `${urlOf(status)}/${page}`)}`);
  print('\nOnly the database is running. A function exists while somebody calls it; Ctrl-C ends it all.\n');
  await showBoard(api, model, process.stdout, stop.signal);
  await Promise.race([ended, untilAborted(stop.signal)]);
  return stop.signal.aborted ? [] : ['The daemon has ended by itself'];
}

/** Ends it, then looks with the host's own eyes for whatever is left. */
async function endDaemon(daemon: OwnDaemon): Promise<readonly string[]> {
  print(`${isCheck ? '' : '\n'}Stopping everything and removing all data`);
  await daemon.purge();
  const left = hostOf(daemon.status).leftovers();
  return left.length === 0 ? [] : [`These are left on this host:\n${left.map((line) => `    ${line}`).join('\n')}`];
}

function urlOf({ gateway: { host, port } }: OwnDaemon['status']): string {
  return `http://${host}:${port}`;
}

/** A timer keeps the program up: a signal alone does not. */
async function untilAborted(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await delay(2 ** 30, undefined, { signal }).catch(() => undefined);
}

function fail(problems: readonly string[]): false {
  for (const problem of problems) console.error(styleText('red', `demo: ${problem}`));
  return false;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function print(line: string): void {
  console.log(line);
}
