import type { AnyCommand } from './command/command.ts';
import type { CommandEntry, Group } from './command/entry.ts';

/**
 * The table of all commands. What a command does lies in its own file, which is loaded when it is called: a command line
 * must not wait for code that it does not run. To add one: its line here, its file in commands/.
 */
export const allCommands: readonly CommandEntry[] = [
  entry('App', 'up', 'Bring an app up, or up to date', () => import('./commands/up.ts')),
  entry('App', 'down', 'End an app', () => import('./commands/down.ts')),
  entry('App', 'ps', 'List the instances that live right now', () => import('./commands/ps.ts')),
  entry('App', 'scale', 'Run more or fewer instances of services', () => import('./commands/scale.ts')),
  entry('App', 'stop', 'End services until they are started again', () => import('./commands/stop.ts')),
  entry('App', 'start', 'Start services that were stopped', () => import('./commands/start.ts')),
  entry('App', 'restart', 'Stop services and start them anew', () => import('./commands/restart.ts')),
  entry('App', 'rm', 'Forget services that do not run', () => import('./commands/rm.ts')),
  entry('App', 'exec', 'Run a command where a service runs', () => import('./commands/exec.ts')),
  entry('App', 'top', 'Show the processes of what lives', () => import('./commands/top.ts')),
  entry('App', 'logs', 'Show what services and functions wrote', () => import('./commands/logs.ts')),
  entry('App', 'config', 'Check an app file and show what it means', () => import('./commands/config.ts')),
  entry('App', 'events', 'Show what happened, as it happens', () => import('./commands/events.ts')),
  entry('Call', 'run', 'Run a function or an image to its end', () => import('./commands/run.ts')),
  entry('Call', 'call', 'Call a function and print its answer', () => import('./commands/call.ts')),
  entry('Runs', 'runs ls', 'List runs, newest first', () => import('./commands/runs/ls.ts')),
  entry('Runs', 'runs show', 'Show all about one run', () => import('./commands/runs/show.ts')),
  entry('Runs', 'runs logs', 'Show what a run wrote', () => import('./commands/runs/logs.ts')),
  entry('Runs', 'runs wait', 'Wait until a run has ended', () => import('./commands/runs/wait.ts')),
  entry('Runs', 'runs cancel', 'End runs', () => import('./commands/runs/cancel.ts')),
  entry('Runs', 'runs retry', 'Do runs once more that have ended', () => import('./commands/runs/retry.ts')),
  entry('Runs', 'dead ls', 'List runs that nobody will try again', () => import('./commands/dead/ls.ts')),
  entry('Runs', 'dead show', 'Show all about one of them', () => import('./commands/runs/show.ts')),
  entry('Runs', 'dead redrive', 'Do them once more', () => import('./commands/dead/redrive.ts')),
  entry('Runs', 'dead purge', 'Remove them', () => import('./commands/dead/purge.ts')),
  entry('Runs', 'schedule ls', 'List what runs by the clock', () => import('./commands/schedule/ls.ts')),
  entry('Images', 'images', 'List the images', () => import('./commands/images.ts')),
  entry('Images', 'pull', 'Fetch an image from its registry', () => import('./commands/pull.ts')),
  entry('Images', 'build', 'Make the images of an app', () => import('./commands/build.ts')),
  entry('Images', 'load', 'Load an image from a tar', () => import('./commands/load.ts')),
  entry('Daemon', 'serve', 'Run the daemon in the foreground', () => import('./commands/serve.ts')),
  entry('Daemon', 'status', 'Show which daemon answers', () => import('./commands/status.ts')),
  entry('Daemon', 'shutdown', 'Stop everything and end the daemon', () => import('./commands/shutdown.ts')),
  entry('Daemon', 'doctor', 'Say what this machine has and lacks', () => import('./commands/doctor.ts')),
  entry('Shell', 'completion', 'Print the completion script of a shell', () => import('./commands/completion.ts')),
];

function entry(
  group: Group,
  name: string,
  summary: string,
  load: () => Promise<{ readonly command: AnyCommand }>,
): CommandEntry {
  return { group, name, summary, load: async () => (await load()).command };
}
