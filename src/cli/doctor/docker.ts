import { get } from 'node:http';
import { lacks, ok, type Finding } from './finding.ts';

/** Whether the engine `docker` could be had. It is no lack of a machine that serves with the sandbox. */
export async function checkDocker(env: Readonly<Record<string, string | undefined>>): Promise<Finding> {
  const { DOCKER_HOST: host = '', MINKE_ENGINE: engine } = env;
  const socket = host === '' ? '/var/run/docker.sock' : host.replace(/^unix:\/\//, '');
  const version = await apiVersion(socket);
  if (version !== undefined) return ok('docker', `a Docker Engine with API ${version} answers at ${socket}`);
  if (engine !== 'docker') return ok('docker', `none at ${socket}; only the engine "docker" needs one`);
  return lacks('docker', `none at ${socket}`, 'MINKE_ENGINE asks for the engine "docker"', 'systemctl start docker');
}

const answerWithinMs = 2000;

async function apiVersion(socketPath: string): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const asked = get({ socketPath, path: '/_ping', timeout: answerWithinMs }, (answer) => {
      answer.resume();
      const version = answer.headers['api-version'];
      resolve(typeof version === 'string' ? version : undefined);
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', () => resolve(undefined));
  });
}
