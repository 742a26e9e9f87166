import { resolve } from 'node:path';
import type { EngineChoice } from '../../daemon/engine.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { usage } from '../command/parse.ts';
import { dataFolder } from '../../sdk/address.ts';
import { createDaemonLogWriter } from '../terminal/daemon-log.ts';

export const command = defineCommand({
  options: {
    data: { type: 'text', value: 'FOLDER', about: 'Folder for all state (default: MINKE_DATA)' },
    engine: { type: 'text', value: 'NAME', about: 'sandbox or docker (default: MINKE_ENGINE, else sandbox)' },
    gateway: { type: 'text', value: 'HOST:PORT', about: 'Where the gateway listens (default: MINKE_GATEWAY)' },
  },
  about: `Runs the daemon in the foreground. Ctrl-C or SIGTERM ends it and leaves services and runs alive, for the next
daemon to take over; minke shutdown stops them. Without --gateway and MINKE_GATEWAY the gateway listens on
127.0.0.1:8080, or on the next port that is free. The engine docker runs services by the Docker Engine of this machine,
at DOCKER_HOST or its usual socket, and requests and tasks by crun where that is there. MINKE_RUNTIME=runc starts containers with runc; otherwise crun does, or runc where crun is missing.
MINKE_STORE=postgres://USER@HOST/DATABASE keeps runs and apps in a PostgreSQL database instead of the data folder.`,
  examples: [{ line: 'minke serve --data /tmp/mine --gateway 127.0.0.1:9000', about: 'One beside another' }],
  handle: async (context, { options }) => {
    const text = options.gateway ?? context.env.MINKE_GATEWAY ?? '';
    const gateway = text === '' ? {} : { gateway: parseAddress(text) };
    const { serve } = await import('../../daemon/main.ts');
    const daemon = await serve({
      dataFolder: options.data === undefined ? dataFolder(context.env) : resolve(context.cwd, options.data),
      writeLog: createDaemonLogWriter(context.err),
      signal: context.signal,
      ...gateway,
      ...storeOf(context.env.MINKE_STORE ?? ''),
      engine: engineOf(options.engine ?? context.env.MINKE_ENGINE ?? '', context.env),
    });
    await daemon.closed;
    return 0;
  },
});

const storeOf = (url: string): { store?: string } => (url === '' ? {} : { store: url });

function engineOf(name: string, env: Context['env']): EngineChoice {
  if (name === '' || name === 'sandbox') return { name: 'sandbox', ...runtimeOf(env.MINKE_RUNTIME ?? '') };
  if (name === 'docker') return { name, ...(env.DOCKER_HOST === undefined ? {} : { dockerHost: env.DOCKER_HOST }) };
  throw usage(`The engine cannot be "${name}"`, 'It is sandbox or docker');
}

function runtimeOf(name: string): { runtime?: 'crun' | 'runc' } {
  if (name === '') return {};
  if (name === 'crun' || name === 'runc') return { runtime: name };
  throw usage(
    `MINKE_RUNTIME cannot be "${name}"`,
    'It is crun or runc; without it the better one that is there is taken',
  );
}

/** `HOST:PORT`, `[::1]:PORT`, `:PORT` or `PORT`. */
function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:(?:\[([^\]]+)\]|([^:]*)):)?(\d+)$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw usage(`The gateway's address cannot be "${text}"`, 'Write HOST:PORT: --gateway 127.0.0.1:8080');
  }
  const host = match[1] ?? match[2] ?? '';
  return { host: host === '' ? '127.0.0.1' : host, port };
}
