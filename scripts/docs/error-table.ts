import { catalogue, type ErrorCode, type ErrorEntry } from '../../src/errors/catalogue.ts';

/** The error catalogue as a Markdown table, in the catalogue's order. */
export function errorTable(): string {
  const codes = Object.keys(catalogue) as ErrorCode[];
  const rows = codes.map((code) => row(code, catalogue[code]));
  return [
    '| code | says | what helps | HTTP | exit | whose | again? |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function row(code: string, { text, hint, status, exit, blame, retryable }: ErrorEntry): string {
  const cells = [`\`${code}\``, escape(text), escape(hint ?? ''), status, exit, blame, retryable ? 'yes' : ''];
  return `| ${cells.join(' | ')} |`;
}

/** Placeholders such as {place} look like what they are; a bar would end the cell. */
function escape(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\{(\w+)\}/g, '*$1*');
}
