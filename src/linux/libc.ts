import koffi from 'koffi';
import { getSystemErrorMap } from 'node:util';

/** Every libc call that minke makes, typed once. See the man page of the same name, section 2 or 3. */
const libc = koffi.load('libc.so.6');

/** pipe2(2) */
export const pipe2 = libc.func('int pipe2(_Out_ int* fds, int flags)');
/** socketpair(2) */
export const socketpair = libc.func('int socketpair(int domain, int type, int protocol, _Out_ int* fds)');
/** socket(2) */
export const socket = libc.func('int socket(int domain, int type, int protocol)');
/** bind(2) */
export const bind = libc.func('int bind(int fd, const void* address, uint length)');
/** listen(2) */
export const listen = libc.func('int listen(int fd, int backlog)');
/** setsockopt(2) */
export const setsockopt = libc.func('int setsockopt(int fd, int level, int option, const void* value, uint length)');
/** getsockopt(2) */
export const getsockopt = libc.func('int getsockopt(int fd, int level, int option, void* value, _Inout_ uint* length)');
/** setns(2) */
export const setns = libc.func('int setns(int fd, int type)');
/** unshare(2) */
export const unshare = libc.func('int unshare(int flags)');
/** chroot(2) */
export const chroot = libc.func('int chroot(str path)');
/** fchdir(2) */
export const fchdir = libc.func('int fchdir(int fd)');
/** chdir(2) */
export const chdir = libc.func('int chdir(str path)');
/** mount(2) */
export const mount = libc.func('int mount(str source, str target, str type, ulong flags, str data)');
/** umount2(2) */
export const umount2 = libc.func('int umount2(str target, int flags)');
/** mkfifo(3) */
export const mkfifo = libc.func('int mkfifo(str path, uint mode)');
/** eventfd(2) */
export const eventfd = libc.func('int eventfd(uint initial, int flags)');
/** waitpid(2) */
export const waitpid = libc.func('int waitpid(int pid, _Out_ int* status, int options)');
/** flock(2) */
export const flock = libc.func('int flock(int fd, int operation)');
/** ioctl(2), requests that answer a number */
export const ioctl = libc.func('int ioctl(int fd, ulong request, _Out_ int* answer)');
/** ioctl(2), requests that take a structure, or fill one in */
export const ioctlWith = libc.func('int ioctl(int fd, ulong request, _Inout_ void* argument)');
/** fcntl(2), the commands that take a number */
export const fcntl = libc.func('int fcntl(int fd, int command, ...)');
/** posix_spawn(3); answers an errno instead of setting it. */
export const posixSpawn = libc.func(
  'int posix_spawn(_Out_ int* pid, str path, const void* actions, const void* attributes, str* argv, str* envp)',
);
/** posix_spawn_file_actions_init(3) */
export const fileActionsInit = libc.func('int posix_spawn_file_actions_init(void* actions)');
/** posix_spawn_file_actions_destroy(3) */
export const fileActionsDestroy = libc.func('int posix_spawn_file_actions_destroy(void* actions)');
/** posix_spawn_file_actions_addopen(3) */
export const fileActionsAddOpen = libc.func(
  'int posix_spawn_file_actions_addopen(void* actions, int fd, str path, int flags, uint mode)',
);
/** posix_spawn_file_actions_adddup2(3) */
export const fileActionsAddDup2 = libc.func('int posix_spawn_file_actions_adddup2(void* actions, int fd, int to)');
/** posix_spawnattr_init(3) */
export const attributesInit = libc.func('int posix_spawnattr_init(void* attributes)');
/** posix_spawnattr_destroy(3) */
export const attributesDestroy = libc.func('int posix_spawnattr_destroy(void* attributes)');
/** posix_spawnattr_setflags(3) */
export const attributesSetFlags = libc.func('int posix_spawnattr_setflags(void* attributes, short flags)');
/** posix_spawnattr_setsigdefault(3) */
export const attributesSetSignalDefault = libc.func(
  'int posix_spawnattr_setsigdefault(void* attributes, const void* set)',
);
/** posix_spawnattr_setsigmask(3) */
export const attributesSetSignalMask = libc.func('int posix_spawnattr_setsigmask(void* attributes, const void* set)');

const names = getSystemErrorMap();

/** A libc call that failed, with the name that people know (`EPERM`). */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError';
  readonly code: string;

  constructor(call: string, errno: number, subject = '') {
    const [code, text] = names.get(-errno) ?? [`errno ${errno}`, 'unknown error'];
    super(`${call}${subject === '' ? '' : ` ${subject}`}: ${code}: ${text}`);
    this.code = code;
  }
}

/** Throws what errno says when a call answered less than zero; gives the answer otherwise. */
export function checked(call: string, answer: number, subject?: string): number {
  if (answer < 0) throw new SystemCallError(call, koffi.errno(), subject);
  return answer;
}
