import { readFileSync } from 'node:fs';
import type { Votes } from './votes.ts';

export interface PageState {
  readonly labels: { readonly a: string; readonly b: string };
  readonly container: string;
  /** Where this page is; the counts are at ADDRESS/votes. */
  readonly address: string;
  readonly votes: Votes | undefined;
}

export function renderPage({ labels, container, address, votes }: PageState): string {
  const title = `${escape(labels.a)} or ${escape(labels.b)}: the result`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<noscript><meta http-equiv="refresh" content="3"></noscript>
<title>${title}</title>
<style>
${readPart('page.css')}</style>
</head>
<body data-address="${escape(address)}">
<main>
<p class="kicker"><span class="dot" aria-hidden="true"></span> <span id="state">Live result</span></p>
<h1>${escape(labels.a)} <span class="versus">vs</span> ${escape(labels.b)}</h1>
<div class="sides">
${renderSide('a', labels.a, votes)}
${renderSide('b', labels.b, votes)}
</div>
<div class="bar" style="${votes && votes.total > 0 ? `--share: ${(votes.a / votes.total) * 100}%` : ''}" aria-hidden="true"><span></span></div>
<p class="total" id="total" role="status">${votes === undefined ? 'Waiting for the database' : totalText(votes.total)}</p>
<p><a href="/vote"><span aria-hidden="true">&larr;</span> Vote, or change your vote</a></p>
</main>
<footer>This page came from container <code>${escape(container)}</code>;
<span id="asked">each update comes from another one.</span></footer>
<script>
${readPart('page.js')}</script>
</body>
</html>
`;
}

function renderSide(side: 'a' | 'b', label: string, votes: Votes | undefined): string {
  const share = votes && votes.total > 0 ? `${percent(votes, side)} %` : '–';
  return `<section class="side ${side}" aria-label="${escape(label)}">
<h2>${escape(label)}</h2>
<p class="share" id="share-${side}">${share}</p>
<p class="count" id="count-${side}">${countText(votes?.[side] ?? 0)}</p>
</section>`;
}

/** Both sides together give 100. */
function percent({ a, total }: Votes, side: 'a' | 'b'): number {
  const shareOfA = Math.round((a / total) * 100);
  return side === 'a' ? shareOfA : 100 - shareOfA;
}

const countText = (count: number): string => `${count} ${count === 1 ? 'vote' : 'votes'}`;

const totalText = (total: number): string => (total === 0 ? 'No votes yet' : `${countText(total)} in all`);

const readPart = (name: string): string => readFileSync(new URL(`./${name}`, import.meta.url), 'utf8');

function escape(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
