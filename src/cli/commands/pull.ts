import type { ProgressLine } from '../../api/types.ts';
import { followProgress } from '../app/follow-progress.ts';
import { defineCommand } from '../command/command.ts';
import { connect } from '../daemon/connect.ts';
import { createProgress } from '../terminal/progress.ts';

export const command = defineCommand({
  operands: [{ name: 'IMAGE', about: 'NAME, NAME:TAG or NAME@sha256:DIGEST; without a host, of Docker Hub' }],
  about: `Fetches the image from its registry even where one of that name is here. Logins are those of docker login, as the user
that the daemon runs as.`,
  examples: [{ line: 'minke pull alpine:3', about: 'What the tag stands for today' }],
  handle: async (context, { operands: [reference = ''] }) => {
    const progress = createProgress(context.err);
    const lines = connect(context).api.lines<ProgressLine>('imagePull', {
      query: { reference },
      signal: context.signal,
    });
    const { images } = await followProgress(lines, progress);
    if (context.isJson) context.out.json({ images });
    else context.out.line(`Pulled ${reference} (${images[0]?.id ?? ''})`);
  },
});
