import { existsSync } from 'node:fs';
import { initProgram, spawnMachine, type GuestKind } from './guest.ts';

/**
 * User Mode Linux: a kernel that is a program, with cgroups v2 alone. One core, and a start of a program takes some 30 ms.
 * Debian's has nftables for bridges only, so no app's network can be made there.
 */
export const uml: GuestKind = {
  boot: async (folder, words) => {
    const files = `rootfstype=hostfs rootflags=/ ro mem=2G init=${initProgram} uml_dir=${folder}/`.split(' ');
    const machine = [...files, ...words, 'con=null', 'con0=null,fd:1', 'quiet'];
    return await Promise.resolve(spawnMachine(program, machine));
  },
  modules: async () => await Promise.resolve('/usr/lib/uml/modules'),
};

const program = '/usr/bin/linux.uml';
/** Why it cannot be used here; undefined where it can. */
export const whyNoUml = existsSync(program) ? undefined : 'user-mode-linux is not installed';
