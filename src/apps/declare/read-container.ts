import { availableParallelism } from 'node:os';
import { MinkeError } from '../../errors/index.ts';
import type { ServiceModel } from '../../model/app.ts';
import type { FileContext } from '../file/context.ts';
import { hostFiles } from '../file/host-files.ts';
import { below, type Node, type Place } from '../file/node.ts';
import { createProblems } from '../file/problems.ts';
import { readService } from '../file/read-service.ts';

/** What a client of the Docker API says of a container, in the words of a Compose file. */
export type ContainerWords = Readonly<Record<string, Words | undefined>>;
type Words = string | number | boolean | readonly Words[] | { readonly [key: string]: Words | undefined };

/**
 * A container that carries labels of minke's, read as the service of an app file with the same words: one set of rules, defaults and
 * messages. `name` is the service's, `container` what people call it. What depends on others of its app is not looked at.
 *
 * @throws the first thing that is wrong with it, as for an app file
 */
export function readContainer(name: string, container: string, words: ContainerWords): ServiceModel {
  const at: Place = { file: `container ${container}`, folder: '/', line: 0, path: '' };
  const problems = createProblems();
  const context: FileContext = {
    folder: '/',
    variables: () => undefined,
    host: hostFiles,
    problems,
    cores: availableParallelism(),
    architecture: process.arch,
    warn: () => undefined,
    lacking: () => undefined,
    inactive: new Map(),
  };
  const read = readService(name, nodeOf(words, at), at, context);
  if (read?.packAt !== undefined)
    problems.badValue(read.packAt, 'for an image', 'only a folder is packed', 'Take it out.');
  const [problem] = problems.found();
  if (problem !== undefined) throw new MinkeError(problem.code, { ...problem.facts, place: at.file });
  if (read === undefined) throw new MinkeError('INTERNAL', { reason: 'a container was refused without a reason' });
  return read.model;
}

function nodeOf(value: Words, at: Place): Node {
  if (Array.isArray(value)) {
    const items = (value as readonly Words[]).map((item, index) =>
      nodeOf(item, { ...at, path: `${at.path}[${index}]` }),
    );
    return { kind: 'list', at, items };
  }
  if (typeof value !== 'object') return { kind: 'scalar', at, text: String(value), isNull: false };
  const entries = Object.entries(value).flatMap(([key, one]: [string, Words | undefined]) => {
    const place = { ...at, path: below(at.path, key) };
    return one === undefined ? [] : [[key, { key: place, value: nodeOf(one, place) }] as const];
  });
  return { kind: 'map', at, entries: new Map(entries) };
}
