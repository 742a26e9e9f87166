import type { BuildRequest, ProgressLine } from '../../api/types.ts';
import { appFileOptions, appRequest } from '../app/app-request.ts';
import { followProgress } from '../app/follow-progress.ts';
import { defineCommand } from '../command/command.ts';
import { connect } from '../daemon/connect.ts';
import { createProgress } from '../terminal/progress.ts';
import { formatBytes } from '../terminal/units.ts';

export const command = defineCommand({
  operands: [{ name: 'SERVICE', isOptional: true, isMany: true, about: 'Only these services and functions' }],
  options: {
    ...appFileOptions,
    'no-cache': { type: 'flag', about: 'Build Dockerfiles again though nothing has changed' },
  },
  about: `Makes the images of an app: folders are packed, Dockerfiles built, the others pulled where they are not here. Nothing is
started. What a Dockerfile writes goes to stderr.`,
  examples: [{ line: 'minke build --no-cache web', about: 'One service, its RUN lines again' }],
  handle: async (context, { options, operands }) => {
    const request: BuildRequest = {
      ...appRequest(context, options.file, options),
      services: operands,
      isFresh: options['no-cache'],
    };
    const progress = createProgress(context.err);
    const lines = connect(context).api.lines<ProgressLine>('build', { json: request, signal: context.signal });
    const onNote = (note: string): void => {
      progress.clear();
      context.err.line(note);
    };
    const { images } = await followProgress(lines, progress, onNote);
    if (context.isJson) return context.out.json({ images });
    for (const { reference, id, sizeBytes } of images)
      context.out.line(`Built ${reference} (${id.replace('sha256:', '').slice(0, 12)}, ${formatBytes(sizeBytes)})`);
  },
});
