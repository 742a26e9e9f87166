import type { AppNames } from '../../apps/deploy/step.ts';
import { attachmentsOf, madeNetworksOf, ownNetwork } from '../../dockerapi/attachments.ts';
import { findNetwork, type Networks } from '../../dockerapi/networks.ts';
import type { Engine, HostPort, Instance } from '../../engines/engine.ts';
import { MinkeError, toMinkeError } from '../../errors/index.ts';
import { defaultApp, type AppModel, type AttachmentModel } from '../../model/app.ts';
import { shortId, type Id } from '../../model/ids.ts';
import type { Run } from '../../model/run.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import { untilSuccess } from '../../observe/until-success.ts';
import { createTurns } from './turns.ts';

/**
 * What the network of an app has to know of containers that ask for it: on which of the operator's networks they find one another,
 * and which ports of the host lead to them. It knows them by numbers that are used again, since a network never forgets a name; no
 * service has such a name.
 */
export interface RunNetworks {
  /** Before its instance starts. @throws PORT_UNAVAILABLE, NO_SUCH, NOT_SUPPORTED in an app that a file describes */
  open(run: Run): Promise<Place | undefined>;
  /** Its instance lives; it leaves with that. */
  enter(run: Run, instance: Instance): Promise<void>;
  /** Tried until it is done. */
  leave(run: Id): Promise<void>;
  /** Those of an earlier daemon, all of them; once. What cannot be had again is told, and they live on without. */
  adopt(living: readonly { readonly run: Run; readonly instance: Instance }[]): Promise<void>;
  portsOf(run: Id): readonly HostPort[];
  /** Nothing is changed any more: what is there is the next daemon's, or goes with the app's network. */
  close(): void;
}

/** In place of the app's own. */
export interface Place {
  readonly networks: AppModel['networks'];
  readonly attachments: readonly AttachmentModel[];
}

export interface RunNetworksOptions {
  readonly engine: Pick<Engine, 'networks'>;
  readonly networks: Pick<Networks, 'find'>;
  /** An app file says what its network is. */
  readonly isOfFile: (app: string) => boolean;
  readonly setNames: (app: string, names: AppNames | undefined) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Member {
  readonly run: Run;
  readonly name: string;
}

export function createRunNetworks(options: RunNetworksOptions): RunNetworks {
  const { engine, networks, isOfFile, setNames, clock, log } = options;
  const closing = new AbortController();
  const members = new Map<Id, Member>();
  const inTurn = createTurns();
  const of = (app: string): readonly Member[] => [...members.values()].filter(({ run }) => run.app === app);
  const renew = async (app: string): Promise<void> => await setNames(app, namesOf(of(app)));
  /** With its last container a network goes, unless others are on it; but for the one that all share who say no other. */
  const renewWithout = async (app: string, member: Member): Promise<void> => {
    const left = of(app).filter((one) => one !== member);
    await setNames(app, left.length === 0 && app !== defaultApp ? undefined : namesOf(left));
    if (left.length > 0 || app === defaultApp) await engine.networks.publish(app, member.name, []);
  };

  const add = (run: Run): void => {
    const names = new Set(of(run.app).map(({ name }) => name));
    for (let number = 1; ; number += 1) {
      const name = `container.${number}`;
      if (names.has(name)) continue;
      members.set(run.id, { run, name });
      return;
    }
  };

  const open = async (run: Run): Promise<Place | undefined> => {
    if (!wishes(run)) return undefined;
    if (isOfFile(run.app))
      throw new MinkeError('NOT_SUPPORTED', {
        what: `A network or a port of a container in "${run.app}"`,
        reason: 'the app file of that name says what its network is',
      });
    const found = madeNetworksOf(run.options).map(({ network }) => findNetwork(networks, network));
    await inTurn(run.app, async () => {
      add(run);
      await renew(run.app).catch((error: unknown) => {
        members.delete(run.id);
        throw calledByItsName(run, error);
      });
    });
    if (found.length === 0) return undefined;
    const isOnBridge = attachmentsOf(run.options).some(({ network }) => network === ownNetwork);
    return {
      networks: Object.fromEntries(found.map(({ name, isInternal }) => [name, { name, internal: isInternal }])),
      attachments: [
        ...(isOnBridge ? [{ network: 'default', aliases: [] }] : []),
        ...found.map(({ name }) => ({ network: name, aliases: [] })),
      ],
    };
  };

  const leave = async (run: Id): Promise<void> => {
    const member = members.get(run);
    if (member === undefined) return;
    const { app } = member.run;
    await inTurn(app, async () => {
      await renewWithout(app, member);
      members.delete(run);
    });
  };

  /** Until it is done: a port that leads nowhere is nobody else's, either. */
  const leaveSurely = async (run: Id): Promise<void> => {
    const onFailure = (error: unknown): void => log.warn('A container is still known to its network', { run, error });
    const pauses = { first: 100, longest: 10_000 };
    await untilSuccess(async () => await leave(run), { clock, signal: closing.signal, pauses, onFailure }).catch(
      () => undefined,
    );
  };

  const enter = async (run: Run, instance: Instance): Promise<void> => {
    const member = members.get(run.id);
    if (member === undefined) return;
    void instance.exited.then(async () => await leaveSurely(run.id));
    if (instance.address !== undefined) await engine.networks.publish(run.app, member.name, [instance.address]);
  };

  /** Without ports where one of them is another's by now. */
  const renewAnyhow = async (app: string): Promise<void> => {
    await renew(app).catch(async (error: unknown) => {
      log.error('Ports of containers are not to be had again', { app, error });
      await setNames(app, { ...namesOf(of(app)), ports: [] }).catch((again: unknown) =>
        log.error('The network of containers is not to be had again', { app, error: again }),
      );
    });
  };

  return {
    open,
    enter,
    leave: leaveSurely,
    adopt: async (living) => {
      const wishing = living.filter(({ run }) => wishes(run));
      for (const { run } of wishing) add(run);
      for (const app of new Set(wishing.map(({ run }) => run.app))) await renewAnyhow(app);
      for (const { run, instance } of wishing)
        await enter(run, instance).catch((error: unknown) =>
          log.error('A container is not found on its network', { run: run.id, error }),
        );
    },
    close: () => closing.abort(),
    portsOf: (run) => {
      const member = members.get(run);
      return member === undefined
        ? []
        : engine.networks.ports(member.run.app).filter(({ name }) => name === member.name);
    },
  };
}

const wishes = ({ options }: Run): boolean => madeNetworksOf(options).length > 0 || (options.ports ?? []).length > 0;

/** Nobody knows it by its number. */
function calledByItsName({ id, options }: Run, thrown: unknown): unknown {
  const error = toMinkeError(thrown);
  if (error.code !== 'PORT_UNAVAILABLE') return thrown;
  return new MinkeError('PORT_UNAVAILABLE', { ...error.facts, name: options.name ?? shortId(id) });
}

function namesOf(members: readonly Member[]): AppNames {
  const attached = members.flatMap(({ run, name }) =>
    madeNetworksOf(run.options).map((attachment) => ({ ...attachment, run, name })),
  );
  const byNetwork = Map.groupBy(attached, ({ network }) => network);
  const found = [...byNetwork].map(([network, ones]) => [
    network,
    Object.fromEntries(ones.flatMap(({ run, name, aliases }) => callNames(run, aliases).map((one) => [one, name]))),
  ]);
  return {
    names: members.map(({ name }) => name),
    networks: { default: {}, ...Object.fromEntries(found) },
    ports: members.flatMap(({ run, name }) => (run.options.ports ?? []).map((port) => ({ ...port, name }))),
  };
}

const callNames = ({ id, container = id, options }: Run, aliases: readonly string[]): readonly string[] => [
  ...aliases,
  shortId(container),
  ...(options.name === undefined ? [] : [options.name]),
];
