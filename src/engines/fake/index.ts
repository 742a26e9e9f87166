export {
  createFakeEngine,
  createFakeHost,
  type FakeEngine,
  type FakeEngineOptions,
  type FakeHost,
} from './fake-engine.ts';
export type { Behaviour, FakeProcess, FakeProgram, FakeScript } from './behaviour.ts';
export { fakeSpec } from './fake-spec.ts';
