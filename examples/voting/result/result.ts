// The result, as a CGI program: a page at its route, and what the page asks for each second at ROUTE/votes.
import { hostname } from 'node:os';
import { renderPage } from './page.ts';
import { countVotes, type Votes } from './votes.ts';

const labels = { a: process.env.OPTION_A ?? 'Cats', b: process.env.OPTION_B ?? 'Dogs' };
const { REQUEST_METHOD: method = 'GET', PATH_INFO: path = '', SCRIPT_NAME: address = '/result' } = process.env;

if (method !== 'GET' && method !== 'HEAD')
  send('405 Method Not Allowed', 'text/plain', 'This is for reading.\n', ['Allow: GET, HEAD']);
else if (path === '/votes') await sendVotes();
else if (path === '' || path === '/') await sendPage();
else send('404 Not Found', 'text/plain', 'There is nothing here.\n');

async function sendVotes(): Promise<void> {
  const votes = await tryCount();
  const answer = { ...(votes ?? { error: 'The database does not answer.' }), labels, container: hostname() };
  send(votes === undefined ? '503 Service Unavailable' : '200 OK', 'application/json', `${JSON.stringify(answer)}\n`);
}

async function sendPage(): Promise<void> {
  const votes = await tryCount();
  const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";
  send('200 OK', 'text/html', renderPage({ labels, container: hostname(), address, votes }), [
    `Content-Security-Policy: ${policy}`,
  ]);
}

/** Undefined while there is no database to ask. */
async function tryCount(): Promise<Votes | undefined> {
  try {
    return await countVotes();
  } catch (error) {
    console.error('result: cannot count the votes:', error);
    return undefined;
  }
}

function send(status: string, type: string, body: string, headers: readonly string[] = []): void {
  const head = [`Status: ${status}`, `Content-Type: ${type}; charset=utf-8`, 'Cache-Control: no-store', ...headers];
  process.stdout.write(`${head.join('\r\n')}\r\n\r\n${body}`);
}
