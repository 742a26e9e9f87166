/**
 * What the suite's instances run: POSIX shell and busybox, no assumption on time. The name is `$0`, so that an engine
 * without a shell can tell from `argv[3]` what is meant; arguments follow as `$1`, `$2`...
 */
const scripts = {
  /** Ends with code $1. */
  exit: 'exit $1',
  /** $1 to stdout, $2 to stderr, both without a line end. */
  print: 'printf %s "$1"; printf %s "$2" >&2',
  /** All 256 bytes, in order. */
  bytes: `printf '${Array.from({ length: 256 }, (_, byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}'`,
  /** $1 bytes to both stdout and stderr: lines of 16. */
  flood: 'yes 0123456789abcde | head -c "$1"; yes fedcba987654321 | head -c "$1" >&2',
  /** One line of $1 times `whale `, and $2. */
  'long-line': 'yes "whale " | head -n "$1" | tr -d "\\n"; printf %s "$2"',
  /** stdin to stdout. */
  cat: 'exec cat',
  /** The variable NAMED $1. */
  variable: 'eval "printf %s \\"\\$$1\\""',
  /** User, group, folder, host name; one line each. */
  who: 'id -u; id -g; pwd; hostname',
  /** Says `ready`; on SIGTERM says `bye` and ends with 7. */
  graceful: 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 1000 & wait $!; done',
  /** Says `ready` and ignores SIGTERM. */
  stubborn: 'trap "" TERM; echo ready; while :; do sleep 1; done',
  /** Says `one`, waits for a line on stdin, says `two` and that line. */
  dialogue: 'echo one; read -r line; echo "two $line"',
  /** Says `before`, waits for the file /shared/go, says `after`, makes /shared/done and ends with 5. */
  outlive:
    'echo before; until [ -e /shared/go ]; do sleep 0.05; done; echo after; echo aside >&2; : > /shared/done; exit 5',
  /** Echoes whatever comes in at port $1. */
  server: 'exec nc -ll -p "$1" -e cat',
  /** Connects to $1 at port $2, sends $3, says what comes back. */
  client: 'printf %s "$3" | nc "$1" "$2"',
  /** As `client` with `first`, and with `second` over the same connection once /shared/go is there. */
  'slow-client': '(echo first; until [ -e /shared/go ]; do sleep 0.05; done; echo second) | nc "$1" "$2"',
  /** Writes $1 to $2, says `ready`, waits for a line on stdin, says what is in $2 then. */
  keep: 'echo "$1" > "$2"; echo ready; read -r line; cat "$2"',
  /** Its own pid and how many processes it can see, itself among them; it starts none to find out. */
  processes: 'echo $$; set -- /proc/[0-9]*; echo $#',
  /** Whether the file $1 can be written: `yes` or `no`. */
  'can-write': '(echo x > "$1") 2>/dev/null && echo yes || echo no',
  /** What the file $1 holds, or `none`. */
  read: 'cat "$1" 2>/dev/null || echo none',
  /** Makes a node for the character device $1:$2 and says whether it can be opened: `open` or `refused`. */
  device: 'mknod /node c "$1" "$2"; (: > /node) 2>/dev/null && echo open || echo refused',
  /** Takes memory without end. */
  hog: 'a=0123456789abcdef; while :; do a=$a$a; done',
  /** Starts one process in its session, one in a session of its own and one that nobody is the parent of; says `started` and waits. */
  spawn: 'sleep 1000 & setsid sleep 1000 & (setsid sleep 1000 &); echo started; wait',
  /** Says the size of its terminal once that is $1, and `ready`, waits for a line, says the size again. */
  terminal: 'until [ "$(stty size 2>&1)" = "$1" ]; do sleep 0.05; done; stty size; echo ready; read -r line; stty size',
  /** Says the size of its terminal. */
  size: 'stty size',
  /** Asks without ending the line, waits for one on stdin, says what it is, and that to stderr too. */
  ask: 'printf "name? "; read -r line; printf "hello $line"; printf %s "$line" >&2',
  /** Starts a process, makes the file that $MARK names, and waits. */
  linger: 'sleep 1000 & : > "$MARK"; wait',
  /** Starts $1 processes at once. */
  crowd: 'n=0; while [ $n -lt "$1" ]; do sleep 2 & n=$((n + 1)); done',
  /** Starts processes without end. */
  bomb: 'while :; do sleep 1000 & done',
} as const;

export type ProgramName = keyof typeof scripts;

export const program = (name: ProgramName, ...args: readonly string[]): readonly string[] => [
  '/bin/sh',
  '-c',
  scripts[name],
  name,
  ...args,
];
