import { readFileSync } from 'node:fs';

export type Choice = 'a' | 'b';

export interface PageState {
  readonly labels: Readonly<Record<Choice, string>>;
  /** Who made this page. */
  readonly container: string;
  /** Where the form goes. */
  readonly address: string;
  /** What this voter chose, as far as it is known. */
  readonly choice?: Choice | undefined;
  /** The choice was made with this very request. */
  readonly isNew?: boolean;
  readonly problem?: string;
}

export function renderPage(state: PageState): string {
  const { labels, container, address, choice } = state;
  const title = `${escape(labels.a)} or ${escape(labels.b)}?`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>
${readFileSync(new URL('./page.css', import.meta.url), 'utf8')}</style>
</head>
<body>
<main>
<p class="kicker">Cast your vote</p>
<h1>${title}</h1>
<form method="post" action="${escape(address)}" aria-label="${title}">
${renderButton('a', labels.a, choice)}
<span class="versus" aria-hidden="true">vs</span>
${renderButton('b', labels.b, choice)}
</form>
${renderStatus(state)}
<p><a class="result" href="/result">See the result <span aria-hidden="true">&rarr;</span></a></p>
</main>
<footer>Processed by container <code>${escape(container)}</code>, which is gone by now.</footer>
</body>
</html>
`;
}

function renderButton(value: Choice, label: string, choice: Choice | undefined): string {
  const isChosen = value === choice;
  return `<button class="option ${value}" name="vote" value="${value}" aria-pressed="${isChosen}">
<span class="label">${escape(label)}</span>
<span class="mark">${isChosen ? '<span aria-hidden="true">&#10003;</span> Your vote' : 'Vote'}</span>
</button>`;
}

function renderStatus({ labels, choice, isNew = false, problem }: PageState): string {
  if (problem !== undefined) return `<p class="status problem" role="alert">${escape(problem)}</p>`;
  if (choice === undefined) return '<p class="status">One vote each; you can change your mind at any time.</p>';
  const label = `<strong>${escape(labels[choice])}</strong>`;
  const text = isNew ? `Thank you! Your vote for ${label} is being counted.` : `You voted for ${label}.`;
  return `<p class="status" role="status">${text} You can change your mind at any time.</p>`;
}

function escape(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
