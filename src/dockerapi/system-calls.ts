import type { ServerResponse } from 'node:http';
import { sendJson } from './answer.ts';
import { isGone, scopeOf, type Call, type Desk } from './call.ts';
import { statusOf } from './container-view.ts';
import { apiVersions } from './target.ts';

/** What clients read from every answer, a refusal included. */
export function setDockerHeaders(response: ServerResponse, version: string): void {
  response.setHeader('Api-Version', apiVersions.most);
  response.setHeader('Docker-Experimental', 'false');
  response.setHeader('Ostype', 'linux');
  response.setHeader('Server', `Minke/${version} (linux)`);
}

export async function ping(_: Desk, { request, response }: Call): Promise<void> {
  response.writeHead(200, {
    'Builder-Version': '1',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
    Swarm: 'inactive',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': 2,
  });
  response.end(request.method === 'HEAD' ? undefined : 'OK');
}

export async function version(desk: Desk, { response }: Call): Promise<void> {
  const { version: own, engine, kernel } = await desk.info();
  const details = {
    ApiVersion: apiVersions.most,
    MinAPIVersion: apiVersions.least,
    Os: 'linux',
    Arch: architecture(),
    KernelVersion: kernel,
  };
  sendJson(response, 200, {
    Platform: { Name: `minke (${engine})` },
    Components: [{ Name: 'Engine', Version: own, Details: { ...details, Experimental: 'false' } }],
    Version: own,
    ...details,
    GitCommit: '',
    GoVersion: '',
    BuildTime: '',
  });
}

/** At a function's door only what concerns the function: the host is not its business. */
export async function info(desk: Desk, { caller, response }: Call): Promise<void> {
  const facts = await desk.info();
  const isOperator = caller.door === 'operator';
  const containers = (await desk.containers.list(scopeOf(caller))).filter((one) => !isGone(one));
  const count = (status: string): number => containers.filter((one) => statusOf(one) === status).length;
  sendJson(response, 200, {
    ID: isOperator ? facts.id : caller.instance,
    Name: isOperator ? facts.hostname : caller.name,
    Containers: containers.length,
    ContainersRunning: count('running'),
    ContainersPaused: count('paused'),
    ContainersStopped: count('exited') + count('created'),
    Images: isOperator ? (await desk.images.list()).length : caller.mayRun.length,
    Driver: 'minke',
    DriverStatus: [['Engine', facts.engine]],
    DockerRootDir: isOperator ? facts.dataFolder : '',
    Plugins: { Volume: [], Network: [], Authorization: null, Log: [] },
    MemoryLimit: true,
    PidsLimit: true,
    LoggingDriver: 'json-file',
    CgroupDriver: 'cgroupfs',
    SystemTime: new Date(desk.clock.now()).toISOString(),
    OperatingSystem: 'minke',
    OSType: 'linux',
    Architecture: architecture(),
    KernelVersion: facts.kernel,
    NCPU: facts.cpus,
    MemTotal: facts.memoryBytes,
    ServerVersion: facts.version,
    Swarm: { NodeID: '', LocalNodeState: 'inactive', ControlAvailable: false, RemoteManagers: null },
    Runtimes: {},
    SecurityOptions: ['name=seccomp,profile=builtin'],
    Warnings: null,
  });
}

const architecture = (): string => (process.arch === 'x64' ? 'amd64' : process.arch);
