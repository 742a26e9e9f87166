/** What a figure should be. */
export interface Goal {
  readonly op: '<=' | '>=' | '==';
  readonly value: number;
}

/** What could not be measured has not reached its goal. */
export function isReached({ op, value }: Goal, figure: number | undefined): boolean {
  if (figure === undefined) return false;
  if (op === '==') return figure === value;
  return op === '<=' ? figure <= value : figure >= value;
}
