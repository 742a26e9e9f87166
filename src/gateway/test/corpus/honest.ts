import { accepted, closing, get, got, post, posted, type Reached, type Sent } from './sent.ts';

const of = (method: string, body = ''): Reached => ({ method, target: '/', body });

/** What everyone must take: a gateway that refuses everything is no help. */
export const honest: readonly Sent[] = [
  accepted('GET', got('Accept: */*'), get()),
  accepted('a query', 'GET /a?b=c&d=%20e HTTP/1.1\r\nHost: a\r\n\r\n', get('/a?b=c&d=%20e')),
  accepted('an escaped path', 'GET /a%20b/%C3%A4 HTTP/1.1\r\nHost: a\r\n\r\n', get('/a%20b/%C3%A4')),
  accepted('a path of all signs', "GET /-._~!$&'()*+,;=:@ HTTP/1.1\r\nHost: a\r\n\r\n", get("/-._~!$&'()*+,;=:@")),
  accepted('HEAD', 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', of('HEAD')),
  accepted('OPTIONS', 'OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n', of('OPTIONS')),
  accepted('DELETE', 'DELETE / HTTP/1.1\r\nHost: a\r\n\r\n', of('DELETE')),
  accepted('PATCH with a body', 'PATCH / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde', of('PATCH', 'abcde')),
  accepted(
    'DELETE with a body',
    'DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde',
    of('DELETE', 'abcde'),
  ),
  accepted(
    'PUT in chunks',
    'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n',
    of('PUT', 'abcde'),
  ),
  accepted('POST without a length', 'POST / HTTP/1.1\r\nHost: a\r\n\r\n', post('')),
  accepted('POST with a length of 0', posted('Content-Length: 0'), post('')),
  accepted('POST with a length', posted('Content-Length: 5', 'abcde'), post('abcde')),
  accepted('POST with a length behind spaces and a tab', posted('Content-Length: \t 5 \t', 'abcde'), post('abcde')),
  accepted('POST with a length behind no space', posted('Content-Length:5', 'abcde'), post('abcde')),
  accepted(
    'names and codings in capitals',
    posted('TRANSFER-ENCODING: CHUNKED', '5\r\nabcde\r\n0\r\n\r\n'),
    post('abcde'),
  ),
  accepted(
    'chunks of several sizes',
    posted('Transfer-Encoding: chunked', '1\r\na\r\nA\r\nbcdefghijk\r\n0a\r\nlmnopqrstu\r\n0\r\n\r\n'),
    post('abcdefghijklmnopqrstu'),
  ),
  accepted('a body of line ends and NULs', posted('Content-Length: 8', '\r\n\r\n\0\0\n\n'), post('\r\n\r\n\0\0\n\n')),
  accepted('a Host with a port', 'GET / HTTP/1.1\r\nHost: a:8080\r\n\r\n', get()),
  accepted('a Host that is an IPv6 address', 'GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n', get()),
  accepted(
    'cookies, a login and a long value',
    got(`Cookie: a=b; c=d\r\nAuthorization: Basic eDp5\r\nX-Long: ${'a'.repeat(4000)}`),
    get(),
  ),
  accepted('an empty value, and one beyond ASCII', got('X-Empty:\r\nX-Name: J\xc3\xb6rg'), get()),
  accepted('100 header lines', got(Array.from({ length: 90 }, (_, at) => `X-${at}: b`).join('\r\n')), get()),
  accepted(
    'three requests ahead',
    'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: a\r\n\r\n',
    get('/1'),
    post('abc', '/2'),
    get('/3'),
  ),
  accepted('HTTP/1.0 that keeps the connection', 'GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n', get()),
  closing('HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', get()),
  closing('HTTP/1.0 with a body', 'POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nabcde', post('abcde')),
];
