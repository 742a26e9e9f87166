import { describe, expect, it } from 'vitest';
import { MinkeError } from '../errors/index.ts';
import { prefersHtml } from './answer.ts';
import { errorPage } from './page.ts';

describe('the answer to a failure', () => {
  it.each([
    [undefined, false],
    ['*/*', false],
    ['application/json', false],
    ['text/html', true],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
    ['application/json, text/html;q=0.9', false],
    ['text/html;q=0', false],
    ['text/html;q=nonsense', false],
    ['TEXT/HTML', true],
  ])('is a page for who prefers HTML: Accept %j is %j', (accept, isPage) => {
    expect(prefersHtml(accept)).toBe(isPage);
  });

  it('is a page that names code, message and hint, runs nothing and fetches nothing', () => {
    const name = '<script>alert("x")</script>';
    const page = errorPage(new MinkeError('CGI_BAD_OUTPUT', { name, reason: "it's empty" }), 'id-1');
    expect(page).toContain('CGI_BAD_OUTPUT');
    expect(page).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
    expect(page).toContain('it&#39;s empty');
    expect(page).toContain('A CGI answer is header lines');
    expect(page).toContain('id-1');
    expect(page).not.toMatch(/<script|https?:|@import|url\(/);
  });
});
