import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import type { TerminalSize } from '../model/instance.ts';
import { checked, ioctlWith } from './libc.ts';

/** A pseudo-terminal (pty(7)), seen from the side that stands for the keyboard and the screen. */
export interface Terminal {
  /** The caller's to close. While anybody has it open, whoever is on the other side lives on. */
  readonly master: number;
  /** Of the other side: a leader of a session without a terminal that opens it gets it as its own. */
  readonly path: string;
}

// Requests of ioctl_tty(2), asm-generic/ioctls.h.
const getAttributes = 0x5401;
const setAttributes = 0x5402;
const setWindowSize = 0x5414;
const getNumber = 0x80045430;
const setLock = 0x40045431;

/** Bytes go through as they are (cfmakeraw of termios(3)): what edits lines is the terminal that the runtime makes in the container. */
export function openRawTerminal(size: TerminalSize): Terminal {
  const master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
  try {
    const number = Buffer.alloc(4);
    request(master, setLock, Buffer.alloc(4));
    request(master, getNumber, number);
    makeRaw(master);
    request(master, setWindowSize, windowSize(size));
    return { master, path: `/dev/pts/${number.readInt32LE()}` };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

/**
 * Of the terminal that a process has as its stdin, stdout or stderr; those in its foreground are told by SIGWINCH. False where it
 * has none, or none yet.
 */
export function resizeTerminalOf(pid: number, size: TerminalSize): boolean {
  const stdio = [0, 1, 2].map((fd) => `/proc/${pid}/fd/${fd}`).find(isTerminal);
  if (stdio === undefined) return false;
  const terminal = openSync(stdio, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  try {
    request(terminal, setWindowSize, windowSize(size));
    return true;
  } finally {
    closeSync(terminal);
  }
}

function isTerminal(path: string): boolean {
  try {
    return /^\/dev\/(?:pts\/\d+|console)$/.test(readlinkSync(path));
  } catch {
    return false; // Whose it was has ended.
  }
}

function makeRaw(terminal: number): void {
  // struct termios of the kernel: four words of flags for input, output, the line and local editing, a byte, 19 characters.
  const attributes = Buffer.alloc(64);
  request(terminal, getAttributes, attributes);
  const [input, output, control, local, minimum, time] = [0, 4, 8, 12, 17 + 6, 17 + 5];
  attributes.writeUInt32LE((attributes.readUInt32LE(input) & ~0x5eb) >>> 0, input);
  attributes.writeUInt32LE((attributes.readUInt32LE(output) & ~0x1) >>> 0, output);
  attributes.writeUInt32LE(((attributes.readUInt32LE(control) & ~0x130) | 0x30) >>> 0, control);
  attributes.writeUInt32LE((attributes.readUInt32LE(local) & ~0x804b) >>> 0, local);
  attributes.writeUInt8(1, minimum);
  attributes.writeUInt8(0, time);
  request(terminal, setAttributes, attributes);
}

/** struct winsize: rows, columns, and twice pixels, which nobody knows. */
function windowSize({ rows, columns }: TerminalSize): Buffer {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  return size;
}

const request = (fd: number, what: number, argument: Buffer): number => checked('ioctl', ioctlWith(fd, what, argument));
