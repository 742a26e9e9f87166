import type { FileContext } from './context.ts';
import type { Fields } from './fields.ts';
import { readWord, scalar } from './readers.ts';
import { warnAt } from './warnings.ts';

/** `platform`, `pull_policy` and `volume_driver`: what they may say, since minke has one platform, one store of images and one kind of volume. */
export function checkImagePolicy(fields: Fields, context: FileContext): void {
  const { architecture, problems } = context;
  const platform = fields.read('platform', readWord);
  if (platform !== undefined && !isOwn(platform, architecture)) {
    const own = `linux/${names[architecture]?.[0] ?? architecture}`;
    problems.unsupported(fields.placeOf('platform'), `this machine is ${own}`, `Write ${own}, or take it out.`);
  }
  const policy = fields.read('pull_policy', readPolicy);
  if (policy !== undefined && !['never', 'missing', 'if_not_present', 'build'].includes(policy)) {
    const reason = 'the image that is here is used; "up" fetches nothing newer';
    warnAt(fields.placeOf('pull_policy'), { reason, mend: 'Fetch it: minke pull' }, context);
  }
  if (policy === 'build' && fields.node('build') === undefined) {
    problems.badValue(fields.placeOf('pull_policy'), '"build"', 'there is no "build"', 'Write build: FOLDER.');
  }
  const driver = fields.read('volume_driver', readWord);
  if (driver !== undefined && driver !== 'local') {
    problems.unsupported(fields.placeOf('volume_driver'), 'a volume is a folder that minke keeps', 'Take it out.');
  }
}

/** What Node calls an architecture, and what images call it. */
const names: Readonly<Record<string, readonly string[]>> = {
  x64: ['amd64', 'x86_64', 'x86-64'],
  arm64: ['arm64', 'aarch64', 'arm64/v8'],
};

function isOwn(platform: string, architecture: string): boolean {
  const [system = '', ...rest] = platform.toLowerCase().split('/');
  const own = names[architecture] ?? [architecture];
  return rest.length === 0
    ? system === 'linux' || own.includes(system)
    : system === 'linux' && own.includes(rest.join('/'));
}

const readPolicy = scalar(
  'one of always, never, missing, if_not_present, build, daily, weekly, every_TIME',
  'Take it out.',
  (text) =>
    /^(?:always|never|missing|if_not_present|build|daily|weekly|every_(?:\d+[smhdw])+)$/.test(text) ? text : undefined,
);
