import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { usage } from '../command/parse.ts';
import { defineCommand } from '../command/command.ts';
import { connect } from '../daemon/connect.ts';
import { createProgress, type Progress } from '../terminal/progress.ts';
import { formatBytes } from '../terminal/units.ts';

export const command = defineCommand({
  operands: [{ name: 'FILE', about: 'A tar from docker save, or an OCI archive; - is stdin' }],
  examples: [{ line: 'docker save acme/api | minke load -', about: 'Take an image over from Docker' }],
  handle: async (context, { operands: [file = ''] }) => {
    const { api } = connect(context);
    const progress = createProgress(context.err);
    const body = file === '-' ? process.stdin : await streamOf(resolve(context.cwd, file), file);
    showCount(body, progress, file);
    const { images } = await api
      .json<{ images: readonly { reference: string; id: string }[] }>('imageLoad', {
        body,
        headers: { 'content-type': 'application/x-tar' },
        signal: context.signal,
      })
      .finally(progress.clear);
    if (context.isJson) context.out.json({ images });
    else for (const { reference, id } of images) context.out.line(`Loaded ${reference} (${id})`);
  },
});

async function streamOf(path: string, name: string): Promise<Readable> {
  try {
    const file = await open(path);
    if ((await file.stat()).isFile()) return file.createReadStream();
    await file.close();
  } catch (error) {
    throw usage(`Cannot read "${name}": ${(error as Error).message}`);
  }
  throw usage(`Cannot read "${name}": it is not a file`);
}

function showCount(body: Readable, progress: Progress, name: string): void {
  let sentBytes = 0;
  body.on('data', (chunk: Buffer) => {
    sentBytes += chunk.length;
    progress.show(`Loading ${name === '-' ? 'stdin' : name}: ${formatBytes(sentBytes)}`);
  });
}
