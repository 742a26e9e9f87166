/** Why a command was broken off. The exit code is the one that a shell gives for the signal: 128 + its number. */
export class Interrupt extends Error {
  override readonly name = 'Interrupt';
  readonly exitCode: number;

  constructor(signal: keyof typeof numbers) {
    super(`Broken off by ${signal}`);
    this.exitCode = 128 + numbers[signal];
  }
}

const numbers = { SIGINT: 2, SIGPIPE: 13, SIGTERM: 15 } as const;
