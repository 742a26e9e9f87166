import { expect, it } from 'vitest';
import { isSettled as isSettledInModel, type Run as ModelRun, type RunState as ModelState } from '../model/run.ts';
import { isSettled, runStates, type Run } from '../sdk/types.ts';

it('the SDK, which stands alone, knows the states of a run as the model does', () => {
  const states: readonly ModelState[] = runStates;
  for (const state of states) expect({ state, is: isSettled(state) }).toEqual({ state, is: isSettledInModel(state) });
});

it("a run of the model is a run of the SDK, and its states are all the SDK's", () => {
  const stored: ModelRun = {
    id: '0'.repeat(64),
    app: 'a',
    target: { function: 'f' },
    args: [],
    env: {},
    options: {},
    state: 'queued',
    attempts: 0,
    createdAt: 1,
    timeoutMs: 0,
  };
  const received: Run = stored;
  expect(runStates).toContain(received.state);
});
