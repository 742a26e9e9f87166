import { describe, expect, it } from 'vitest';
import { seededBelow, type RandomBelow } from '../../model/seeded-random.fixture.ts';
import { isOnDemand, placesOf, type AppModel, type DependencyModel, type ServiceModel } from '../../model/app.ts';
import { emptyApp, imageTarget } from '../instance/image-target.ts';
import { configDigest } from '../instance/config-digest.ts';
import { plan } from './plan.ts';
import { nothing, type Current, type CurrentInstance, type Desired, type Step } from './step.ts';
import { wished, type Wish } from './wish.ts';

describe('a plan', () => {
  const db = service('db', { mounts: [{ type: 'volume', source: 'data', target: '/data', readOnly: false }] });
  const api = service('api', { dependsOn: [need('db')], routes: [{ prefix: '/' }] });
  const vote = service('vote', { kind: 'cgi', routes: [{ prefix: '/vote' }], mayRun: ['record'] });
  const desired = desire(model([api, db, vote], { data: { name: 'shop_data', external: false } }));

  it('brings an app up: images, network, volumes, services in the order of their needs, routes', () => {
    expect(plan(nothing, desired).map(inWords)).toEqual([
      'prepare-image api',
      'prepare-image db',
      'prepare-image vote',
      'store-model',
      'ensure-network',
      'ensure-volume',
      'start-service db',
      'wait-ready db',
      'publish db',
      'start-service api',
      'wait-ready api',
      'publish api',
      'set-routes',
    ]);
  });

  it('CO-3 has no steps where everything is as it should be', () => {
    expect(plan(carryOut(nothing, plan(nothing, desired), desired), desired)).toEqual([]);
  });

  it('CO-3 replaces the one service that changed, and keeps its volume', () => {
    const up = carryOut(nothing, plan(nothing, desired), desired);
    const changed = desire(model([{ ...api, environment: { LEVEL: 'debug' } }, db, vote], desired.model.volumes));
    expect(plan(up, changed).map(inWords)).toEqual([
      'store-model',
      'unpublish api',
      'stop-instance api',
      'start-service api',
      'wait-ready api',
      'publish api',
    ]);
  });

  it('changes time-outs, rights and routes without a restart', () => {
    const up = carryOut(nothing, plan(nothing, desired), desired);
    const changed = desire(
      model(
        [{ ...api, routes: [{ prefix: '/shop' }], timeoutMs: 5000, restart: 'no' }, db, vote],
        desired.model.volumes,
      ),
    );
    expect(plan(up, changed).map(inWords)).toEqual(['store-model', 'set-routes']);
  });

  it('prepares a new image of a function and leaves what runs of it alone', () => {
    const up = carryOut(nothing, plan(nothing, desired), desired);
    const running = { ...up, instances: [...up.instances, instance('vote', 'cgi', 'old')] };
    const newer = { ...desired, images: { ...desired.images, vote: 'sha256:newer' } };
    expect(plan(running, newer).map(inWords)).toEqual(['prepare-image vote']);
  });

  it('adopts what an earlier daemon left: waits for it and publishes it', () => {
    const up = carryOut(nothing, plan(nothing, desired), desired);
    const { network: _, ...rest } = up;
    const found: Current = {
      ...rest,
      routes: [],
      instances: up.instances.map(unseen),
    };
    expect(plan(found, desired).map(inWords)).toEqual([
      'ensure-network',
      'take-up db',
      'take-up api',
      'wait-ready db',
      'publish db',
      'wait-ready api',
      'publish api',
      'set-routes',
    ]);
  });

  it('stops a second instance of a service and keeps the one that is published', () => {
    const up = carryOut(nothing, plan(nothing, desired), desired);
    const [first] = up.instances;
    const twin = { ...first!, id: 'twin', isPublished: false };
    const steps = plan({ ...up, instances: [twin, ...up.instances] }, desired);
    const { service: name } = first!;
    expect(steps).toEqual([{ kind: 'stop-instance', service: name, replica: 1, instance: 'twin', graceMs: 10_000 }]);
  });

  it('stops a service that has become a function', () => {
    const up = carryOut(nothing, plan(nothing, desired), desired);
    const changed = desire(model([{ ...api, kind: 'cgi' }, db, vote], desired.model.volumes));
    expect(plan(up, changed).map(inWords)).toEqual(['store-model', 'unpublish api', 'stop-instance api']);
  });

  it('starts no service on demand, and stops one that runs only where it is not what would be started now', () => {
    const onDemand: ServiceModel = { ...db, scale: { maxInstances: 1, idleMs: 1000 } };
    const wanted = desire(model([onDemand], desired.model.volumes));
    const steps = plan(nothing, wanted);
    expect(steps.map(({ kind }) => kind)).not.toContain('start-service');
    const up = carryOut(nothing, steps, wanted);
    const running = (digest: string): Current => ({
      ...up,
      instances: [{ ...instance('db', 'service', digest), isReady: false, isPublished: false }],
    });
    expect(plan(running(configDigest(wanted.model, onDemand, 'sha256:db')), wanted)).toEqual([]);
    expect(plan(running('old'), wanted).map(inWords)).toEqual(['stop-instance db']);
  });

  it('changes who looks after a service that becomes one on demand, and back', () => {
    const always = desire(model([db], desired.model.volumes));
    const onDemand = desire(model([{ ...db, scale: { maxInstances: 1, idleMs: 1000 } }], desired.model.volumes));
    const up = carryOut(nothing, plan(nothing, always), always);
    expect(plan(up, onDemand).map(inWords)).toEqual(['store-model', 'unpublish db', 'stop-instance db']);
    const rests = carryOut(up, plan(up, onDemand), onDemand);
    const digest = configDigest(onDemand.model, onDemand.model.services['db']!, 'sha256:db');
    const woken = { ...rests, instances: [{ ...instance('db', 'service', digest), isPublished: false }] };
    expect(plan(woken, always).map(inWords)).toEqual([
      'store-model',
      'stop-instance db',
      'start-service db',
      'wait-ready db',
      'publish db',
    ]);
  });

  it('takes an app down: no way in first, then what needs others before what is needed, volumes only on request', () => {
    const up = carryOut(nothing, plan(nothing, desired), desired);
    const running = { ...up, instances: [...up.instances, instance('vote', 'cgi', 'x')] };
    const down = [
      'set-routes',
      'stop-instance vote',
      'unpublish api',
      'stop-instance api',
      'unpublish db',
      'stop-instance db',
      'remove-network',
    ];
    expect(plan(running, undefined).map(inWords)).toEqual([...down, 'forget-app']);
    expect(plan(running, undefined, { removeVolumes: true }).map(inWords)).toEqual([
      ...down,
      'remove-volume',
      'forget-app',
    ]);
  });

  it('leads requests to an app of before at once, and to a new version when it is ready', () => {
    const up = carryOut(nothing, plan(nothing, desired), desired);
    const found: Current = { ...up, routes: [], instances: up.instances.map(unseen) };
    const words = plan(found, desired, { isRestore: true }).map(inWords);
    expect(words.indexOf('set-routes')).toBeLessThan(words.indexOf('wait-ready db'));
  });

  it('never removes an external volume', () => {
    const outer = desire(model([db], { data: { name: 'outer', external: true } }));
    const up = carryOut(nothing, plan(nothing, outer), outer);
    expect(plan(up, undefined, { removeVolumes: true }).map(inWords)).not.toContain('remove-volume');
  });
});

describe('a plan with conditions', () => {
  const db = service('db');
  const webOn = (more: Partial<DependencyModel>) => service('web', { dependsOn: [need('db', more)] });
  const starts = (steps: readonly Step[]) => steps.slice(steps.findIndex(({ kind }) => kind === 'start-service'));

  it('waits for the health of a service before the first that depends on it, else at the end', () => {
    const worker = service('worker', { dependsOn: [need('db')] });
    const web = webOn({ condition: 'service_healthy' });
    const all = desire(model([worker, web, db]), ['db', 'web']);
    expect(starts(plan(nothing, all)).map(inWords)).toEqual([
      'start-service db',
      'wait-ready db',
      'start-service worker',
      'wait-ready worker',
      'publish worker',
      'await-dependency web',
      'publish db',
      'start-service web',
      'wait-ready web',
      'publish web',
    ]);
    expect(starts(plan(nothing, desire(model([worker, db]), ['db']))).map(inWords)).toEqual([
      'start-service db',
      'wait-ready db',
      'start-service worker',
      'wait-ready worker',
      'publish worker',
      'publish db',
    ]);
  });

  it('runs a job to its end before what waits for it, and does not expect it to answer', () => {
    const job = { ...db, restart: 'no' } as const;
    const all = desire(model([webOn({ condition: 'service_completed_successfully' }), job]));
    expect(starts(plan(nothing, all)).map(inWords)).toEqual([
      'start-service db',
      'await-dependency web',
      'start-service web',
      'wait-ready web',
      'publish web',
    ]);
  });

  it('CO-3 does not run a job again that has completed, unless it is another one now', () => {
    const job = { ...db, restart: 'on-failure' } as const;
    const all = desire(model([webOn({ condition: 'service_completed_successfully' }), job]));
    const up = ended(carryOut(nothing, plan(nothing, all), all), all, 'completed');
    expect(plan(up, all)).toEqual([]);
    const withoutWeb = { ...up, instances: [] };
    expect(plan(withoutWeb, all).map(inWords)).toEqual(['start-service web', 'wait-ready web', 'publish web']);
    const newer = { ...all, images: { ...all.images, db: 'sha256:newer' } };
    expect(plan(up, newer).map(inWords)).toEqual(['prepare-image db', 'start-service db']);
  });

  it('starts what was given up again when somebody asks, and not when a daemon begins', () => {
    const all = desire(model([{ ...db, restart: 'on-failure' }]));
    const up = ended(carryOut(nothing, plan(nothing, all), all), all, 'given-up');
    expect(plan(up, all, { isRestore: true })).toEqual([]);
    expect(plan(up, all).map(inWords)).toEqual(['start-service db', 'wait-ready db', 'publish db']);
  });

  it('has each service fail for itself when a daemon begins, and leaves restarts to the supervisor', () => {
    const web = webOn({ condition: 'service_healthy' });
    const all = desire(model([web, db]), ['db']);
    const steps = plan({ ...nothing, restarting: [{ service: 'db', replica: 1 }] }, all, { isRestore: true });
    const waits = steps.flatMap((step) => ('whenItFails' in step ? [`${inWords(step)}: ${step.whenItFails}`] : []));
    expect(waits).toEqual([
      'wait-ready db: leave-out',
      'await-dependency web: leave-out',
      'publish db: leave-out',
      'start-service web: leave-out',
      'wait-ready web: leave-out',
      'publish web: leave-out',
    ]);
    expect(plan({ ...nothing, restarting: [{ service: 'db', replica: 1 }] }, all).map(inWords)).toContain(
      'start-service db',
    );
  });

  it('starts what somebody stopped when a daemon begins, where it is to run always', () => {
    const states = (['always', 'unless-stopped'] as const).map((restart) => {
      const all = desire(model([{ ...db, restart }]));
      const up = ended(carryOut(nothing, plan(nothing, all), all), all, 'given-up', 'stopped');
      return plan(up, all, { isRestore: true }).length > 0;
    });
    expect(states).toEqual([true, false]);
  });

  it('restarts with a service that is replaced what asks for it, and what asks for that', () => {
    const web = webOn({ restart: true });
    const edge = service('edge', { dependsOn: [need('web', { restart: true })] });
    const other = service('other', { dependsOn: [need('db')] });
    const all = desire(model([edge, web, other, db]));
    const up = carryOut(nothing, plan(nothing, all), all);
    const newer = { ...all, images: { ...all.images, db: 'sha256:newer' } };
    expect(plan(up, newer).map(inWords)).toEqual([
      'prepare-image db',
      'unpublish edge',
      'stop-instance edge',
      'unpublish web',
      'stop-instance web',
      'unpublish db',
      'stop-instance db',
      ...['db', 'web', 'edge'].flatMap((name) => [`start-service ${name}`, `wait-ready ${name}`, `publish ${name}`]),
    ]);
    const lost = { ...up, instances: up.instances.filter((one) => one.service !== 'db') };
    expect(plan(lost, all).map(inWords)).toEqual(['start-service db', 'wait-ready db', 'publish db']);
  });

  it('goes on without a service that nobody requires', () => {
    const all = desire(model([webOn({ condition: 'service_healthy', required: false }), db]), ['db']);
    const optional = plan(nothing, all).filter((step) => 'whenItFails' in step);
    expect(optional.map(inWords)).toEqual(['start-service db', 'wait-ready db', 'await-dependency web', 'publish db']);
  });

  /** The service `db` has ended for good. */
  function ended(
    current: Current,
    { model: app, images }: Desired,
    state: 'completed' | 'given-up',
    cause: 'exited' | 'stopped' = 'exited',
  ): Current {
    const digest = configDigest(app, app.services['db']!, images['db']!);
    const code = state === 'completed' ? 0 : 1;
    return {
      ...current,
      instances: current.instances.filter((one) => one.service !== 'db'),
      ended: [{ service: 'db', replica: 1, digest, outcome: { state, code, cause, restarts: 0, at: 0 } }],
    };
  }
});

describe('a plan for several places', () => {
  const web = (replicas: number, more: Partial<ServiceModel> = {}): ServiceModel =>
    service('web', { replicas, ...more });
  const wanted = (replicas: number, more: Partial<ServiceModel> = {}): Desired => desire(model([web(replicas, more)]));
  const upWith = (desired: Desired): Current => carryOut(nothing, plan(nothing, desired), desired);

  it('starts all of them and waits for all, and has nothing to do then', () => {
    const all = wanted(3);
    expect(plan(nothing, all).map(inWords)).toEqual([
      'prepare-image web',
      'store-model',
      'ensure-network',
      'start-service web',
      'start-service web.2',
      'start-service web.3',
      'wait-ready web',
      'publish web',
    ]);
    expect(plan(upWith(all), all)).toEqual([]);
  });

  it('starts as many more as it takes, and ends the last, which get no traffic by then; no other is touched', () => {
    const [three, five, two] = [wanted(3), wanted(5), wanted(2)];
    const more = plan(upWith(three), five);
    expect(more.map(inWords)).toEqual([
      'store-model',
      'start-service web.4',
      'start-service web.5',
      'wait-ready web',
      'publish web',
    ]);
    const up = carryOut(upWith(three), more, five);
    const idOf = (replica: number): string => up.instances.find((one) => one.replica === replica)!.id;
    expect(plan(up, two).slice(1)).toEqual([
      { kind: 'unpublish', service: 'web', instances: [3, 4, 5].map(idOf) },
      ...[5, 4, 3].map((replica) => ({
        kind: 'stop-instance',
        service: 'web',
        replica,
        instance: idOf(replica),
        graceMs: 10_000,
      })),
    ]);
  });

  it('fills the place that is empty, and gives every instance back its own when a daemon begins', () => {
    const all = wanted(3);
    const up = upWith(all);
    const lost = { ...up, instances: up.instances.filter(({ replica }) => replica !== 2) };
    expect(plan(lost, all).map(inWords)).toEqual(['start-service web.2', 'wait-ready web', 'publish web']);
    const found = { ...up, instances: up.instances.map(unseen) };
    expect(plan(found, all, { isRestore: true }).map(inWords)).toEqual([
      'take-up web',
      'take-up web.2',
      'take-up web.3',
      'wait-ready web',
      'publish web',
    ]);
  });

  it('replaces each of a service that has changed', () => {
    const changed = wanted(2, { environment: { LEVEL: 'debug' } });
    expect(plan(upWith(wanted(2)), changed).map(inWords)).toEqual([
      'store-model',
      'unpublish web',
      'stop-instance web.2',
      'stop-instance web',
      'start-service web',
      'start-service web.2',
      'wait-ready web',
      'publish web',
    ]);
  });

  it('runs none of a service that is to have none or was stopped, and nobody waits for it', () => {
    const dependent = service('front', { dependsOn: [need('web', { condition: 'service_healthy' })] });
    for (const none of [web(0), web(3, { isStopped: true })]) {
      const all = desire(model([none, dependent]), ['web']);
      expect(plan(nothing, all).map(inWords).slice(4)).toEqual([
        'start-service front',
        'wait-ready front',
        'publish front',
      ]);
      expect(plan(upWith(wanted(1)), desire(model([none]))).map(inWords)).toEqual([
        'store-model',
        'unpublish web',
        'stop-instance web',
      ]);
    }
  });

  it('of what somebody asked for alone leaves other services as they are, but those that are restarted with it', () => {
    const front = service('front', { dependsOn: [need('web', { restart: true })] });
    const other = service('other');
    const all = desire(model([web(2), front, other]));
    const up = upWith(all);
    const lost = { ...up, instances: up.instances.filter(({ service: name }) => name !== 'other') };
    expect(plan(lost, all, { only: ['web'] })).toEqual([]);
    expect(plan(lost, all, { only: ['web'], isAnew: true }).map(inWords)).toEqual([
      'unpublish front',
      'stop-instance front',
      'unpublish web',
      'stop-instance web.2',
      'stop-instance web',
      'start-service web',
      'start-service web.2',
      'wait-ready web',
      'publish web',
      'start-service front',
      'wait-ready front',
      'publish front',
    ]);
  });
});

describe('any plan', () => {
  it.each(Array.from({ length: 150 }, (_, seed) => seed + 1))(
    'CO-3 converges and does nothing twice or unasked (seed %i)',
    (seed) => {
      const random = seededBelow(seed);
      let current = nothing;
      for (let deploy = 0; deploy < 4; deploy += 1) {
        const desired = randomDesired(random);
        const before = withTrouble(current, random);
        const steps = plan(before, desired);
        expectSound(before, desired, steps);
        current = carryOut(before, steps, desired);
        expect(plan(current, desired)).toEqual([]);
        expectPlaces(current, desired);
        current = expectWishes(current, desired, random);
      }
      const gone = carryOut(current, plan(current, undefined, { removeVolumes: true }), undefined);
      expect({ ...gone, volumes: [], images: {} }).toEqual(nothing);
      expect(plan(gone, undefined)).toEqual([]);
    },
  );
});

/** In each place of each service one instance of what is deployed, which its name leads to; and none elsewhere. */
function expectPlaces({ instances }: Current, { model: app, images }: Desired): void {
  const wanted = Object.values(app.services)
    .filter(isOfPlaces)
    .flatMap((one) =>
      placesOf(one).map((place) => `${one.name}.${place} ${configDigest(app, one, images[one.name]!)}`),
    );
  const found = instances
    .filter((one) => one.kind === 'service' && !isOnDemand(app.services[one.service]!))
    .map(({ service: name, replica, digest }) => `${name}.${replica} ${digest}`);
  expect(found.toSorted()).toEqual(wanted.toSorted());
}

/** Whatever somebody asks for is so afterwards, at once; of what was not asked for, only what is restarted with it has changed. */
function expectWishes(before: Current, desired: Desired, random: RandomBelow): Current {
  let current = before;
  for (let count = random(3); count > 0; count -= 1) {
    const name = Object.keys(desired.model.services)[random(6)];
    if (name === undefined || !isOfPlaces(desired.model.services[name]!)) continue;
    const wish = randomWish(name, random);
    const { model: app, options } = wished(current.model!, wish);
    const changed = { ...desired, model: app };
    const steps = plan(current, changed, options);
    const restarted = new Set(steps.flatMap((step) => (step.kind === 'start-service' ? [step.service] : [])));
    const untouched = current.instances.filter((one) => one.service !== name && !restarted.has(one.service));
    current = carryOut(current, steps, changed);
    expect(current.instances).toEqual(expect.arrayContaining(untouched));
    expect(plan(current, changed, { ...options, isAnew: false })).toEqual([]);
    expectPlaces(current, changed);
    const numbers = steps.flatMap((step) =>
      step.kind === 'stop-instance' && step.service === name ? [step.replica] : [],
    );
    expect(numbers).toEqual(numbers.toSorted((left, right) => right - left));
  }
  return current;
}

const isOfPlaces = (one: ServiceModel): boolean => one.kind === 'service' && !isOnDemand(one);

function randomWish(name: string, random: RandomBelow): Wish {
  const verb = (['scale', 'stop', 'start', 'restart'] as const)[random(4)]!;
  return verb === 'scale' ? { verb, replicas: { [name]: random(5) } } : { verb, services: [name] };
}

function expectSound(before: Current, desired: Desired, steps: readonly Step[]): void {
  const texts = steps.map((step) => JSON.stringify(step));
  expect(new Set(texts).size).toBe(texts.length);
  const stopped = new Set(steps.flatMap((step) => (step.kind === 'stop-instance' ? [step.instance] : [])));
  const drawing = new Set(
    steps.flatMap((step) =>
      step.kind === 'start-service' &&
      before.instances.some(
        (one) => one.kind === 'service' && one.service === step.service && one.replica === step.replica,
      )
        ? [step.service]
        : [],
    ),
  );
  const unwanted = before.instances.filter((one) => {
    if (one.kind !== 'service') return false;
    const service = desired.model.services[one.service];
    const imageId = desired.images[one.service] ?? '';
    const isWanted =
      service?.kind === 'service' &&
      (isOnDemand(service) || placesOf(service).includes(one.replica)) &&
      one.digest === configDigest(desired.model, service, imageId);
    const hasTwin = before.instances.some(
      (other) =>
        other !== one &&
        other.kind === 'service' &&
        other.service === one.service &&
        other.replica === one.replica &&
        !stopped.has(other.id),
    );
    const isDrawnAlong =
      service?.dependsOn.some(({ name, restart }) => restart && drawing.has(name)) === true && isWanted;
    return !isWanted || (hasTwin && !isOnDemand(service)) || isDrawnAlong;
  });
  expect(stopped).toEqual(new Set(unwanted.map(({ id }) => id)));
  expect(steps.some(({ kind }) => kind === 'remove-volume' || kind === 'remove-network' || kind === 'forget-app')).toBe(
    false,
  );
  const startOf = (name: string): number =>
    steps.findIndex((step) => step.kind === 'start-service' && step.service === name);
  const misplaced = steps.filter(
    (step, index) =>
      step.kind === 'await-dependency' && !(startOf(step.dependency) < index && index < startOf(step.service)),
  );
  expect(misplaced).toEqual([]);
  for (const [index, step] of steps.entries()) {
    if (step.kind !== 'start-service') continue;
    const later = new Set(steps.slice(index).flatMap((one) => (one.kind === 'start-service' ? [one.service] : [])));
    for (const { name } of desired.model.services[step.service]?.dependsOn ?? []) expect(later.has(name)).toBe(false);
  }
}

/** A host on which every step does what it says. */
function carryOut(before: Current, steps: readonly Step[], desired: Desired | undefined): Current {
  const world: World = { ...before, images: { ...before.images } };
  for (const step of steps) change(world, step, desired);
  return world;
}

type World = { -readonly [Key in keyof Current]: Current[Key] };

function change(world: World, step: Step, desired: Desired | undefined): void {
  switch (step.kind) {
    case 'prepare-image':
      world.images = { ...world.images, [step.service]: step.imageId };
      break;
    case 'store-model':
      world.model = step.model;
      break;
    case 'ensure-network':
      world.network = { names: step.names, networks: step.networks, ports: step.ports };
      break;
    case 'ensure-volume':
      world.volumes = [...world.volumes, step.volume.name];
      break;
    case 'set-routes':
      world.routes = step.routes;
      break;
    case 'unpublish':
      world.instances = world.instances.map((one) =>
        step.instances.includes(one.id) ? { ...one, isPublished: false } : one,
      );
      break;
    case 'stop-instance':
      world.instances = world.instances.filter(({ id }) => id !== step.instance);
      break;
    case 'take-up':
      mark(world, step, { isKept: true });
      break;
    case 'await-dependency':
      break;
    case 'start-service': {
      const { model, images } = desired!;
      const digest = configDigest(model, model.services[step.service]!, images[step.service]!);
      world.instances = [
        ...world.instances,
        { ...instance(step.service, 'service', digest, step.replica), isReady: false, isPublished: false },
      ];
      world.ended = world.ended.filter((one) => one.service !== step.service || one.replica !== step.replica);
      break;
    }
    case 'wait-ready':
      mark(world, step, { isReady: true });
      break;
    case 'publish':
      mark(world, step, { isPublished: true });
      break;
    case 'remove-network':
      delete world.network;
      break;
    case 'remove-volume':
      world.volumes = world.volumes.filter((name) => name !== step.volume.name);
      break;
    case 'forget-app':
      delete world.model;
      break;
  }
}

/** The instance that a step names, else all that the service has by then. */
function mark(
  world: World,
  step: { readonly service: string; readonly instance?: string },
  state: Partial<CurrentInstance>,
): void {
  const isMeant = ({ id, service, kind }: CurrentInstance): boolean =>
    step.instance === undefined ? service === step.service && kind === 'service' : id === step.instance;
  expect(world.instances.some(isMeant)).toBe(true);
  world.instances = world.instances.map((one) => (isMeant(one) ? { ...one, ...state } : one));
}

function inWords(step: Step): string {
  if (!('service' in step)) return step.kind;
  const place = 'replica' in step && step.replica > 1 ? `.${step.replica}` : '';
  return `${step.kind} ${step.service}${place}`;
}

let count = 0;

function instance(service: string, kind: CurrentInstance['kind'], digest: string, replica = 1): CurrentInstance {
  count += 1;
  const isService = kind === 'service';
  return { id: `i${count}`, service, replica, kind, digest, isKept: isService, isReady: true, isPublished: isService };
}

function service(name: string, more: Partial<ServiceModel> = {}): ServiceModel {
  return { ...imageTarget(name, `acme/${name}`), kind: 'service', ...more };
}

const model = (services: readonly ServiceModel[], volumes: AppModel['volumes'] = {}): AppModel => ({
  ...emptyApp('shop', '/srv/shop'),
  services: Object.fromEntries(services.map((one) => [one.name, one])),
  volumes,
});

const desire = (app: AppModel, checked: readonly string[] = []): Desired => ({
  model: app,
  images: Object.fromEntries(Object.keys(app.services).map((name) => [name, `sha256:${name}`])),
  checked,
});

/** As the next daemon finds it. */
const unseen = (one: CurrentInstance): CurrentInstance => ({
  ...one,
  isKept: false,
  isReady: false,
  isPublished: false,
});

const need = (name: string, more: Partial<DependencyModel> = {}): DependencyModel => ({
  name,
  condition: 'service_started',
  required: true,
  restart: false,
  ...more,
});

const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Few names and few values, so that one deploy often meets the leavings of another. */
function randomDesired(random: RandomBelow): Desired {
  const present = names.filter(() => random(4) > 0);
  const services = present.map((name, index) =>
    service(name, {
      kind: (['service', 'service', 'cgi', 'task'] as const)[random(4)]!,
      dependsOn: present
        .slice(0, index)
        .filter(() => random(3) === 0)
        .map((other) => need(other, randomNeed(random))),
      ...(random(4) === 0 ? { scale: { maxInstances: 1, idleMs: 1000 } } : {}),
      replicas: random(4),
      environment: { LEVEL: String(random(2)) },
      routes: random(3) === 0 ? [{ prefix: `/${name}` }] : [],
      mounts: random(3) === 0 ? [{ type: 'volume', source: `v${random(3)}`, target: '/data', readOnly: false }] : [],
      timeoutMs: 1000 * (1 + random(2)),
    }),
  );
  const volumes = Object.fromEntries(
    [0, 1, 2].map((key) => [`v${key}`, { name: `shop_v${key}`, external: random(4) === 0 }]),
  );
  const images = Object.fromEntries(services.map(({ name }) => [name, `sha256:${name}${random(2)}`]));
  return { model: model(services, volumes), images, checked: present.filter(() => random(3) === 0) };
}

const randomNeed = (random: RandomBelow): Partial<DependencyModel> => ({
  condition: (['service_started', 'service_started', 'service_healthy', 'service_completed_successfully'] as const)[
    random(4)
  ]!,
  required: random(3) > 0,
  restart: random(4) === 0,
});

/** What happens between two deploys: instances end, a daemon restarts, a function runs, a twin is left over. */
function withTrouble(current: Current, random: RandomBelow): Current {
  const alive = current.instances.filter(() => random(5) > 0);
  const restarted = random(3) === 0 ? alive.map(unseen) : alive;
  const twin =
    restarted.length > 0 && random(4) === 0
      ? [{ ...restarted[0]!, id: `twin${random(1000)}`, isKept: false, isPublished: false }]
      : [];
  const call = random(2) === 0 ? [instance(names[random(6)]!, 'cgi', 'any')] : [];
  return { ...current, instances: [...restarted, ...twin, ...call] };
}
