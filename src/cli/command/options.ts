/** What an option takes: nothing, one value, or a value each time that it is given. */
export type OptionSpec = FlagSpec | TextSpec | ListSpec;

interface FlagSpec {
  readonly type: 'flag';
  readonly short?: string;
  readonly about: string;
}

interface TextSpec {
  readonly type: 'text';
  readonly short?: string;
  /** How help calls the value, in capitals. */
  readonly value: string;
  readonly choices?: readonly string[];
  readonly about: string;
}

interface ListSpec {
  readonly type: 'list';
  readonly short?: string;
  readonly value: string;
  readonly about: string;
}

export type Values<Options extends Readonly<Record<string, OptionSpec>>> = {
  readonly [Name in keyof Options]: Options[Name]['type'] extends 'flag'
    ? boolean
    : Options[Name]['type'] extends 'list'
      ? readonly string[]
      : string | undefined;
};

/** Every command has these. */
export const commonOptions = {
  format: {
    type: 'text',
    value: 'FORMAT',
    choices: ['table', 'json'],
    about: 'table, or json: one JSON document on stdout',
  },
  help: { type: 'flag', short: 'h', about: 'Show this help' },
} as const satisfies Readonly<Record<string, OptionSpec>>;
