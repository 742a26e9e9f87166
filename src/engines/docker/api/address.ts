import { MinkeError } from '../../../errors/index.ts';

const defaultSocket = '/var/run/docker.sock';

/** The socket that DOCKER_HOST names, or the usual one. @throws NOT_SUPPORTED: only an engine on this machine has our files and networks */
export function dockerSocket(dockerHost: string | undefined): string {
  if (dockerHost === undefined || dockerHost === '') return defaultSocket;
  if (dockerHost.startsWith('unix://')) return dockerHost.slice('unix://'.length);
  throw new MinkeError('NOT_SUPPORTED', {
    what: `DOCKER_HOST=${dockerHost}`,
    reason: 'the Docker Engine must be on this machine, at a socket: DOCKER_HOST=unix:///var/run/docker.sock',
  });
}
