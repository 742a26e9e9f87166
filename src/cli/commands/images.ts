import { defineCommand } from '../command/command.ts';
import { connect } from '../daemon/connect.ts';
import { printTable } from '../terminal/table.ts';
import { formatBytes } from '../terminal/units.ts';

interface ImageRow {
  readonly reference: string;
  readonly id: string;
  readonly sizeBytes?: number;
}

export const command = defineCommand({
  handle: async (context) => {
    const { images } = await connect(context).api.json<{ images: readonly ImageRow[] }>('images', {
      signal: context.signal,
    });
    if (context.isJson) return context.out.json({ images });
    const rows = images.map(({ reference, id, sizeBytes }) => [
      reference,
      id.replace('sha256:', '').slice(0, 12),
      sizeBytes === undefined ? '-' : formatBytes(sizeBytes),
    ]);
    printTable(context.out, ['REFERENCE', 'IMAGE ID', 'SIZE'], rows);
  },
});
