import { findProgram, requireProgram } from '../host/program.ts';
import type { Runtime } from './commands.ts';
import type { RuntimeName } from './runtime.ts';

/** The one that is wanted; otherwise crun, or runc where crun is missing. @throws MISSING_PROGRAM */
export function chooseRuntime(wanted?: RuntimeName): Runtime {
  if (wanted !== undefined) return { name: wanted, program: requireProgram(wanted, 'runs containers', wanted) };
  const other = findProgram('crun') === undefined ? findProgram('runc') : undefined;
  if (other !== undefined) return { name: 'runc', program: other };
  return { name: 'crun', program: requireProgram('crun', 'runs containers', 'crun') };
}
