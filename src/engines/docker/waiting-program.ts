import { MinkeError } from '../../errors/index.ts';

/** What each processor executes, and how ELF numbers it (elf(5), e_machine). */
const codes: Readonly<Record<string, { readonly machine: number; readonly code: readonly number[] }>> = {
  // mov eax, 34 (pause); syscall; jmp to the beginning
  x64: { machine: 62, code: [0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7] },
  // mov x8, 73 (ppoll, of no descriptors and without end); svc 0; b to the beginning
  arm64: { machine: 183, code: [0x28, 0x09, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4, 0xfe, 0xff, 0xff, 0x17] },
};

const [elfHeaderBytes, programHeaderBytes] = [64, 56];

/** A program that waits until it is killed, and needs nothing of an image: an ELF file (elf(5)) of one segment. */
export function waitingProgram(processor: string): Buffer {
  const found = codes[processor];
  if (found === undefined) {
    const reason = `minke knows ${Object.keys(codes).join(' and ')}`;
    throw new MinkeError('NOT_SUPPORTED', { what: `The Docker engine on ${processor}`, reason });
  }
  const codeAt = elfHeaderBytes + programHeaderBytes;
  const [loadedAt, size] = [0x400000, codeAt + found.code.length];
  const file = Buffer.alloc(size);
  // 64 bit, little-endian, version 1; an executable.
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(found.machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(loadedAt + codeAt), 24);
  file.writeBigUInt64LE(BigInt(elfHeaderBytes), 32);
  file.writeUInt16LE(elfHeaderBytes, 52);
  file.writeUInt16LE(programHeaderBytes, 54);
  file.writeUInt16LE(1, 56);
  // PT_LOAD, readable and executable, the whole file.
  file.writeUInt32LE(1, elfHeaderBytes);
  file.writeUInt32LE(5, elfHeaderBytes + 4);
  const [addressAt, sizeAt, alignAt] = [16, 32, 48].map((offset) => elfHeaderBytes + offset) as [
    number,
    number,
    number,
  ];
  for (const at of [addressAt, addressAt + 8]) file.writeBigUInt64LE(BigInt(loadedAt), at);
  for (const at of [sizeAt, sizeAt + 8]) file.writeBigUInt64LE(BigInt(size), at);
  file.writeBigUInt64LE(0x1000n, alignAt);
  file.set(found.code, codeAt);
  return file;
}
