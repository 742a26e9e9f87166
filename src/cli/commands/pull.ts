import type { ProgressLine } from '../../api/types.ts';
import { appFileOptions, appRequest, readModel } from '../app/app-request.ts';
import { followProgress, type Outcome } from '../app/follow-progress.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { connect } from '../daemon/connect.ts';
import type { Transport } from '../../sdk/transport.ts';
import { createProgress } from '../terminal/progress.ts';

export const command = defineCommand({
  operands: [
    {
      name: 'IMAGE',
      isOptional: true,
      about: 'NAME, NAME:TAG or NAME@sha256:DIGEST; without a host, of Docker Hub (default: all of the app file here)',
    },
  ],
  options: appFileOptions,
  about: `Fetches the image from its registry even where one of that name is here. What an app file builds is left alone. Logins are
those of docker login, as the user that the daemon runs as.`,
  examples: [
    { line: 'minke pull alpine:3', about: 'What the tag stands for today' },
    { line: 'minke pull', about: 'The images of the app of this folder' },
  ],
  handle: async (context, { options, operands: [named] }) => {
    const { api } = connect(context);
    const references = named === undefined ? await imagesOf(context, api, options) : [named];
    const pulled: Outcome['images'][number][] = [];
    for (const reference of references) {
      const [image] = await pull(context, api, reference);
      if (image !== undefined) pulled.push(image);
      if (!context.isJson) context.out.line(`Pulled ${reference} (${image?.id ?? ''})`);
    }
    if (context.isJson) context.out.json({ images: pulled });
    else if (references.length === 0)
      context.out.line('There is nothing to pull: the app file builds all of its images');
  },
});

async function imagesOf(
  context: Context,
  api: Transport,
  options: {
    readonly file: readonly string[];
    readonly project: string | undefined;
    readonly profile: readonly string[];
  },
): Promise<readonly string[]> {
  const { services } = await readModel(api, appRequest(context, options.file, options), context.signal);
  const own = Object.values(services).filter(({ build }) => build === undefined);
  return [...new Set(own.flatMap(({ image }) => image ?? []))];
}

async function pull({ err, signal }: Context, api: Transport, reference: string): Promise<Outcome['images']> {
  const lines = api.lines<ProgressLine>('imagePull', { query: { reference }, signal });
  return (await followProgress(lines, createProgress(err))).images;
}
