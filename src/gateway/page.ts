import type { MinkeError } from '../errors/index.ts';

/** An error for people in a browser: one file, no script, nothing fetched from elsewhere. */
export function errorPage(error: MinkeError, requestId: string): string {
  const { hint } = error;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${error.entry.status} ${escapeHtml(error.code)}</title>
<style>${style}</style>
</head>
<body>
<main>
<p class="status">${error.entry.status}</p>
<h1>${escapeHtml(error.message)}</h1>
${hint === undefined ? '' : `<p class="hint">${escapeHtml(hint)}</p>\n`}<footer><code>${escapeHtml(error.code)}</code><span>request <code>${escapeHtml(requestId)}</code></span></footer>
</main>
</body>
</html>
`;
}

const style = `
:root { --ink: #14212b; --soft: #5b6b78; --line: #d8e0e6; --back: #f4f7f9; --card: #fff; --mark: #0b6e8f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf2; --soft: #93a4b2; --line: #2a3844; --back: #0f171e; --card: #17222b; --mark: #5cc4e6; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); }
main { width: 100%; max-width: 40rem; padding: 2rem 2.25rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 12px; overflow-wrap: anywhere; }
.status { margin: 0; font-size: .9rem; font-weight: 600; letter-spacing: .08em; color: var(--mark); }
h1 { margin: .25rem 0 0; font-size: 1.3rem; line-height: 1.35; font-weight: 600; }
.hint { margin: 1rem 0 0; color: var(--soft); }
footer { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; margin-top: 1.75rem; padding-top: 1rem;
  border-top: 1px solid var(--line); font-size: .85rem; color: var(--soft); }
code { font-family: ui-monospace, monospace; font-size: .95em; }
`;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);
