import { accepted, closing, get, got, post, posted, refused, smuggled, type Sent } from './sent.ts';

const upgrade = (lines: string, body = ''): string =>
  `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${lines}\r\n\r\n${body}`;

/** Other forms of targets, other protocols, and requests behind one another. */
export const targets: readonly Sent[] = [
  refused('an address whose host differs from Host', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused('an address whose port differs from Host', 'GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused('an address with a user', 'GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n'),
  refused('an address of another scheme', 'GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused('an address without a host', 'GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused('a target without a slash', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused('a target that is a host and a port', 'GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused('a target that is a query', 'GET ?a HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused('a target with a fragment', 'GET /a#/../b HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused('a target with a NUL', 'GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused('a target with a byte beyond ASCII', 'GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused('a target with a control character', 'GET /\x0b HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused('CONNECT', `CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n${smuggled}`),
  refused('CONNECT to a path', `CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}`),
  refused('OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'),
  accepted('an address whose host is that of Host', 'GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n', get('/b')),
  closing('a WebSocket with a body', upgrade(`Content-Length: ${smuggled.length}`, smuggled), {
    method: 'GET',
    target: '/',
    body: smuggled,
  }),
  closing('a WebSocket with chunks', upgrade('Transfer-Encoding: chunked', `0\r\n\r\n${smuggled}`), get()),
  refused(
    'a WebSocket without a key',
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n${smuggled}`,
  ),
  {
    ...closing(
      'a WebSocket with a key that is none',
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n${smuggled}`,
      get(),
    ),
    harmless: 'who speaks WebSocket decides on the key, and the connection ends with its answer',
  },
  refused(
    'a WebSocket by POST without a key',
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${smuggled}`,
  ),
  closing('a WebSocket behind a request', `${got('X-A: b')}${upgrade('X-B: c', smuggled)}`, get()),
  closing('CONNECT behind a request', `${got('X-A: b')}CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n${smuggled}`, get()),
  closing('a WebSocket that is not granted, with a request behind it', upgrade('X-A: b', smuggled), get()),
  closing(
    'h2c, which is not granted',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n',
    get(),
  ),
  closing(
    'h2c with a body',
    posted('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nContent-Length: 5', 'abcde'),
    post('abcde'),
  ),
  closing(
    'an upgrade of a POST',
    posted('Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5', 'abcde'),
    post('abcde'),
  ),
  refused('Expect that is something else', posted('Expect: 200-ok\r\nContent-Length: 5', 'abcde')),
  refused('Expect that is two', posted('Expect: 100-continue, x\r\nContent-Length: 5', 'abcde')),
  {
    ...accepted(
      'Expect with the body at once',
      posted('Expect: 100-continue\r\nContent-Length: 5', 'abcde'),
      post('abcde'),
    ),
    answers: [100, 200, 200],
  },
  closing('Expect without a body', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n', get()),
  closing(
    'Expect in HTTP/1.0, which knows no such answers',
    'POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nabcde',
    post('abcde'),
  ),
  closing(
    'a request behind one that closes',
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n${smuggled}`,
    get(),
  ),
  closing('a request behind one of HTTP/1.0', `GET / HTTP/1.0\r\n\r\n${smuggled}`, get()),
  refused('a request behind a refused head', `GET / HTTP/1.1\r\nHost: a"b\r\n\r\n${smuggled}`),
  refused('a request behind a refused length', posted('Content-Length: 99999999999', smuggled), 413),
  closing('a refused head behind a request', `${got('X-A: b')}GET /2 HTTP/1.1\r\nX Y\r\n\r\n`, get()),
  closing('junk behind two requests', `${got('X-A: b')}${got('X-A: b')}\0\0\0`, get(), get()),
  accepted(
    'a request as the body of a GET',
    `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    {
      method: 'GET',
      target: '/',
      body: smuggled,
    },
  ),
  accepted(
    'a request as the body of a HEAD',
    `HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    {
      method: 'HEAD',
      target: '/',
      body: smuggled,
    },
  ),
];
