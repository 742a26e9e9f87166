// The front page, as a CGI program: GET shows it, POST takes a vote. One container for each request.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { readBody, readCookies, sendAnswer, type CgiAnswer } from './cgi.ts';
import { renderPage, type Choice } from './page.ts';
import { recordVote } from './record-vote.ts';

const labels = { a: process.env.OPTION_A ?? 'Cats', b: process.env.OPTION_B ?? 'Dogs' };

sendAnswer(await answerRequest());

async function answerRequest(): Promise<CgiAnswer> {
  const { REQUEST_METHOD: method = 'GET', PATH_INFO: path = '' } = process.env;
  if (path !== '' && path !== '/') return answerPage('404 Not Found', { problem: 'There is nothing here.' });
  if (method === 'GET' || method === 'HEAD') return answerPage('200 OK', { choice: knownChoice() });
  if (method === 'POST') return takeVote();
  return { status: '405 Method Not Allowed', headers: [['Allow', 'GET, HEAD, POST']], body: '' };
}

async function takeVote(): Promise<CgiAnswer> {
  const choice = new URLSearchParams(await readBody(1024)).get('vote');
  if (!isChoice(choice)) return answerPage('400 Bad Request', { problem: 'A vote is vote=a or vote=b.' });
  const voter = knownVoter() ?? randomBytes(8).toString('hex');
  try {
    await recordVote(voter, choice, Date.now());
  } catch (error) {
    console.error('vote: cannot start record-vote:', error);
    return answerPage('502 Bad Gateway', {
      choice: knownChoice(),
      problem: 'Your vote was not taken. Please try again.',
    });
  }
  return answerPage('200 OK', { choice, isNew: true }, [
    ['Set-Cookie', cookie('voter_id', voter)],
    ['Set-Cookie', cookie('choice', choice)],
  ]);
}

function answerPage(
  status: string,
  state: { choice?: Choice | undefined; isNew?: boolean; problem?: string },
  headers: CgiAnswer['headers'] = [],
): CgiAnswer {
  const body = renderPage({ labels, container: hostname(), address: process.env.SCRIPT_NAME ?? '/vote', ...state });
  return {
    status,
    headers: [
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"],
      ['Cache-Control', 'no-store'],
      ...headers,
    ],
    body,
  };
}

/** Anything else was not given out here, and a new id is. */
function knownVoter(): string | undefined {
  const voter = readCookies().get('voter_id');
  return voter !== undefined && /^[\w-]{1,64}$/.test(voter) ? voter : undefined;
}

function knownChoice(): Choice | undefined {
  const choice = readCookies().get('choice');
  return isChoice(choice) ? choice : undefined;
}

function isChoice(text: string | null | undefined): text is Choice {
  return text === 'a' || text === 'b';
}

function cookie(name: string, value: string): string {
  return `${name}=${value}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`;
}
