import type { AnyCommand } from './command/command.ts';
import type { CommandEntry } from './command/entry.ts';

/**
 * The table of all commands. What a command does lies in its own file, which is loaded when it is called: a command line
 * must not wait for code that it does not run. To add one: its line here, its file in commands/.
 */
export const allCommands: readonly CommandEntry[] = [
  { group: 'App', name: 'up', summary: 'Bring an app up, or up to date', load: of(() => import('./commands/up.ts')) },
  { group: 'App', name: 'down', summary: 'End an app', load: of(() => import('./commands/down.ts')) },
  {
    group: 'App',
    name: 'ps',
    summary: 'List the instances that live right now',
    load: of(() => import('./commands/ps.ts')),
  },
  {
    group: 'App',
    name: 'logs',
    summary: 'Show what services and functions wrote',
    load: of(() => import('./commands/logs.ts')),
  },
  {
    group: 'App',
    name: 'config',
    summary: 'Check an app file and show what it means',
    load: of(() => import('./commands/config.ts')),
  },
  {
    group: 'App',
    name: 'events',
    summary: 'Show what happened, as it happens',
    load: of(() => import('./commands/events.ts')),
  },
  {
    group: 'Call',
    name: 'run',
    summary: 'Run a function or an image to its end',
    load: of(() => import('./commands/run.ts')),
  },
  {
    group: 'Call',
    name: 'call',
    summary: 'Call a function and print its answer',
    load: of(() => import('./commands/call.ts')),
  },
  {
    group: 'Runs',
    name: 'runs ls',
    summary: 'List runs, newest first',
    load: of(() => import('./commands/runs/ls.ts')),
  },
  {
    group: 'Runs',
    name: 'runs show',
    summary: 'Show all about one run',
    load: of(() => import('./commands/runs/show.ts')),
  },
  {
    group: 'Runs',
    name: 'runs logs',
    summary: 'Show what a run wrote',
    load: of(() => import('./commands/runs/logs.ts')),
  },
  {
    group: 'Runs',
    name: 'runs wait',
    summary: 'Wait until a run has ended',
    load: of(() => import('./commands/runs/wait.ts')),
  },
  { group: 'Runs', name: 'runs cancel', summary: 'End runs', load: of(() => import('./commands/runs/cancel.ts')) },
  { group: 'Images', name: 'images', summary: 'List the images', load: of(() => import('./commands/images.ts')) },
  { group: 'Images', name: 'load', summary: 'Load an image from a tar', load: of(() => import('./commands/load.ts')) },
  {
    group: 'Daemon',
    name: 'serve',
    summary: 'Run the daemon in the foreground',
    load: of(() => import('./commands/serve.ts')),
  },
  {
    group: 'Daemon',
    name: 'status',
    summary: 'Show which daemon answers',
    load: of(() => import('./commands/status.ts')),
  },
  {
    group: 'Daemon',
    name: 'shutdown',
    summary: 'Stop everything and end the daemon',
    load: of(() => import('./commands/shutdown.ts')),
  },
  {
    group: 'Daemon',
    name: 'doctor',
    summary: 'Say what this machine has and lacks',
    load: of(() => import('./commands/doctor.ts')),
  },
  {
    group: 'Shell',
    name: 'completion',
    summary: 'Print the completion script of a shell',
    load: of(() => import('./commands/completion.ts')),
  },
];

function of(load: () => Promise<{ readonly command: AnyCommand }>): () => Promise<AnyCommand> {
  return async () => (await load()).command;
}
