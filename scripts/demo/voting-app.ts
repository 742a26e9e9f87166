import { join } from 'node:path';
import type { AppModel } from '../../src/model/app.ts';
import type { ConfigAnswer, ProgressLine, UpRequest } from '../../src/api/types.ts';
import { fromErrorBody } from '../../src/errors/index.ts';
import type { Transport } from '../../src/sdk/transport.ts';

/** The example, up and running. */
export interface VotingApp {
  readonly model: AppModel;
}

const appFile = join(import.meta.dirname, '..', '..', 'examples', 'voting', 'compose.yaml');

const worthTellingMs = 50;

/** Resolves when the app is up; tells each step that took its time. */
export async function bringUp(api: Transport, tell: (step: string) => void, signal: AbortSignal): Promise<VotingApp> {
  const environment = Object.fromEntries(
    Object.entries(process.env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  const request: UpRequest = { files: [appFile], environment };
  const { model } = await api.json<ConfigAnswer>('config', { json: request, signal });
  for await (const line of api.lines<ProgressLine>('up', { json: request, signal })) {
    if (line.error !== undefined) throw fromErrorBody(line.error);
    if (line.state === 'ended' && (line.ms ?? 0) >= worthTellingMs) tell(stepText(line));
    if (line.done === true) return { model };
  }
  throw new Error('The daemon broke off while the app was coming up');
}

const stepText = ({ step = '', subject = '', ms }: ProgressLine): string =>
  `${step} ${subject}${ms === undefined ? '' : ` (${(ms / 1000).toFixed(1)} s)`}`.trim();
