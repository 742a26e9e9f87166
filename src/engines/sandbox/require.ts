import { existsSync, readFileSync } from 'node:fs';
import { MinkeError } from '../../errors/index.ts';
import { lacksOf, runtimeFor, type HostFacts } from '../../model/host.ts';
import type { Runtime } from './runtime/commands.ts';
import type { RuntimeName } from './runtime/runtime.ts';
import { hasProgram, requireProgram } from '../local/host/program.ts';

export const hasRuntime = (name: RuntimeName): boolean => hasProgram(name);

/** The runtime of a host that the sandbox can work on. @throws what the host lacks first: NOT_ROOT, CGROUPS_UNUSABLE, MISSING_PROGRAM */
export function requireHost(wanted: RuntimeName | undefined): Runtime {
  const facts: HostFacts = {
    isRoot: process.geteuid?.() === 0,
    hasProgram,
    runtime: wanted,
    mounts: readFileSync('/proc/self/mounts', 'utf8'),
    v2Controllers: existsSync(v2ControllersFile) ? readFileSync(v2ControllersFile, 'utf8') : '',
  };
  const [lack] = lacksOf(facts);
  if (lack !== undefined) throw new MinkeError(lack.code, lack.facts);
  const runtime = runtimeFor(facts);
  return { name: runtime.name as RuntimeName, program: requireProgram(runtime) };
}

const v2ControllersFile = '/sys/fs/cgroup/cgroup.controllers';
