import { describe } from 'vitest';
import { declareAdoption } from './conformance/adoption.ts';
import { declareCommands } from './conformance/commands.ts';
import { declareContainment } from './conformance/containment.ts';
import { declareLife } from './conformance/life.ts';
import { declareNetworking } from './conformance/networking.ts';
import { declareRoots } from './conformance/roots.ts';
import { declareStreams } from './conformance/streams.ts';
import type { EngineSubject } from './conformance/subject.ts';

export type { EngineSubject, EngineUnderTest, Power, SpecOverrides } from './conformance/subject.ts';

/**
 * The promises of the engine contract (engine.ts), declared as vitest tests for one engine. The same suite judges every
 * engine. After each promise the engine is purged, and anything left on the host fails it.
 */
export function declareEngineConformance(
  subject: EngineSubject,
  groups: readonly (keyof typeof all)[] = Object.keys(all) as (keyof typeof all)[],
): void {
  describe(`the engine contract: ${subject.name}`, () => {
    for (const group of groups) all[group](subject);
  });
}

const all = {
  life: declareLife,
  streams: declareStreams,
  adoption: declareAdoption,
  commands: declareCommands,
  networking: declareNetworking,
  containment: declareContainment,
  roots: declareRoots,
};
