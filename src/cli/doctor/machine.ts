import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import type { StatusAnswer } from '../../api/types.ts';
import { cgroupFacts, lacksOf, type HostFacts } from '../../model/host.ts';
import { formatBytes } from '../terminal/units.ts';
import { checkDocker } from './docker.ts';
import { lacks, ok, refusal, warns, type Finding } from './finding.ts';
import { checkPrograms, findProgram } from './programs.ts';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly dataFolder: string;
  readonly socket: string;
  /** undefined where no daemon answers. */
  readonly status: StatusAnswer | undefined;
  /** Why it cannot be asked, where it is there but not for us. */
  readonly refusal: string | undefined;
}

/** Everything that decides what minke can do on this machine, most basic first. */
export async function examineMachine(surroundings: Surroundings): Promise<readonly Finding[]> {
  const path = surroundings.env.PATH ?? '';
  const facts = hostFacts(surroundings.env, path);
  const lacking = lacksOf(facts);
  const about = (...subjects: readonly string[]): Finding[] =>
    lacking.filter(({ subject }) => subjects.includes(subject)).map(refusal);
  const rootless = surroundings.status === undefined ? about('root') : [ok('root', 'no, but a daemon answers')];
  return [
    checkSystem(),
    checkNode(process.versions.node),
    ...(facts.isRoot ? [ok('root', 'yes')] : rootless),
    about('cgroups')[0] ?? ok('cgroups', cgroupFacts(facts).layout),
    ...checkPrograms(facts, path),
    ...lacking.filter(({ code }) => code === 'MISSING_PROGRAM').map(refusal),
    checkTun(),
    await checkDocker(surroundings.env),
    checkDisk(surroundings.dataFolder),
    checkDaemon(surroundings),
    await checkGateway(surroundings.status),
  ];
}

function checkSystem(): Finding {
  if (process.platform === 'linux') return ok('system', `Linux, ${process.arch}`);
  return lacks('system', process.platform, 'minke runs containers on Linux only', 'a virtual machine with Linux');
}

const leastNode = 24;

function checkNode(version: string): Finding {
  if (Number.parseInt(version, 10) >= leastNode) return ok('node', version);
  return lacks('node', version, `minke needs Node ${leastNode} or later`, 'npm run setup');
}

function hostFacts(env: Surroundings['env'], path: string): HostFacts {
  return {
    isRoot: process.geteuid?.() === 0,
    hasProgram: (name) => findProgram(name, path) !== undefined,
    runtime: env.MINKE_RUNTIME === '' ? undefined : env.MINKE_RUNTIME,
    mounts: read('/proc/self/mounts'),
    v2Controllers: read('/sys/fs/cgroup/cgroup.controllers'),
  };
}

function checkTun(): Finding {
  const device = '/dev/net/tun';
  if (existsSync(device)) return ok('tun', device);
  const means = 'containers cannot reach anything outside their app';
  return warns('tun', `no ${device}`, means, 'modprobe tun');
}

const leastFreeBytes = 1024 ** 3;

function checkDisk(dataFolder: string): Finding {
  const place = nearestFolder(dataFolder);
  const { bavail, bsize } = statfsSync(place);
  const free = `${formatBytes(bavail * bsize)} free in ${dataFolder}`;
  if (!isWritable(place)) {
    return lacks('data', `cannot write ${place}`, 'nothing can be stored', 'MINKE_DATA=/another/folder minke up');
  }
  if (bavail * bsize >= leastFreeBytes) return ok('data', free);
  return warns('data', free, 'images and volumes may not fit', 'MINKE_DATA=/another/folder minke up');
}

function checkDaemon({ status, refusal, socket }: Surroundings): Finding {
  if (status !== undefined)
    return ok('daemon', `minke ${status.version}, pid ${status.pid}, engine ${status.engine.name}`);
  if (refusal !== undefined) return warns('daemon', refusal, 'this user cannot use it', 'sudo minke status');
  return warns('daemon', `none at ${socket}`, 'minke up starts one', 'minke up -d');
}

const defaultGatewayPort = 8080;

async function checkGateway(status: StatusAnswer | undefined): Promise<Finding> {
  if (status !== undefined) return ok('gateway', `http://${status.gateway.host}:${status.gateway.port}`);
  if (await isFree(defaultGatewayPort)) return ok('gateway', `port ${defaultGatewayPort} is free`);
  const means = 'the gateway takes the next free port, unless told otherwise';
  return warns('gateway', `port ${defaultGatewayPort} is taken`, means, 'minke serve --gateway 127.0.0.1:9000');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** The data folder, or as much of its path as there is. */
const nearestFolder = (folder: string): string => (existsSync(folder) ? folder : nearestFolder(dirname(folder)));

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
