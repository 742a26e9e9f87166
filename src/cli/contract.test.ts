import { expect, it } from 'vitest';
import { isSettled as isSettledInModel, runStates as statesOfModel, type Run as ModelRun } from '../model/run.ts';
import { isSettled, runStates, type Run } from '../sdk/types.ts';

it('the SDK, which stands alone, knows the states of a run as the model does', () => {
  expect(runStates).toEqual(statesOfModel);
  for (const state of runStates)
    expect({ state, is: isSettled(state) }).toEqual({ state, is: isSettledInModel(state) });
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
