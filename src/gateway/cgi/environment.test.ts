import { describe, expect, it } from 'vitest';
import { cgiEnvironment, type CgiRequest } from './environment.ts';

const request: CgiRequest = {
  method: 'GET',
  url: '/vote',
  scriptName: '/vote',
  pathInfo: '',
  query: '',
  httpVersion: '1.1',
  host: 'shop.example',
  localAddress: '127.0.0.1',
  localPort: 8080,
  remoteAddress: '127.0.0.1',
  isEncrypted: false,
  headers: {},
  contentLength: undefined,
  requestId: 'id',
  deadlineAt: undefined,
  software: 'minke/1',
};

describe('the environment of a CGI program', () => {
  it('DR-8 has every variable that RFC 3875 wants, empty ones included, and none that it forbids', () => {
    expect(cgiEnvironment(request)).toEqual({
      GATEWAY_INTERFACE: 'CGI/1.1',
      REQUEST_METHOD: 'GET',
      REQUEST_URI: '/vote',
      SCRIPT_NAME: '/vote',
      PATH_INFO: '',
      QUERY_STRING: '',
      REMOTE_ADDR: '127.0.0.1',
      REMOTE_HOST: '127.0.0.1',
      SERVER_NAME: 'shop.example',
      SERVER_PORT: '8080',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_SOFTWARE: 'minke/1',
      HTTP_X_REQUEST_ID: 'id',
    });
  });

  it('DR-8 joins repeated header fields, cookies in their own way', () => {
    const env = cgiEnvironment({
      ...request,
      headers: { 'x-a': ['1', '2'], cookie: ['a=1', 'b=2'], authorization: ['Basic x'] },
    });
    expect(env).toMatchObject({ HTTP_X_A: '1, 2', HTTP_COOKIE: 'a=1; b=2', HTTP_AUTHORIZATION: 'Basic x' });
  });

  it.each([
    'proxy',
    'x_user',
    'content-length',
    'transfer-encoding',
    'x-forwarded-for',
    'forwarded',
    'connection',
    'x.y',
  ])('DR-8 gives no HTTP_ variable for %s', (name) => {
    const before = Object.keys(cgiEnvironment(request));
    expect(Object.keys(cgiEnvironment({ ...request, headers: { [name]: ['x'] } }))).toEqual(before);
  });

  it('cannot be made to lie by a header', () => {
    const headers = { 'x-request-id': ['forged'], 'request-method': ['X'] };
    expect(cgiEnvironment({ ...request, headers })).toMatchObject({ REQUEST_METHOD: 'GET', HTTP_X_REQUEST_ID: 'id' });
  });

  it('gives the bytes of a header as the client sent them, UTF-8 or not', () => {
    const utf8 = Buffer.from('Tromsø').toString('latin1');
    const env = cgiEnvironment({ ...request, headers: { 'x-a': [utf8], 'x-b': ['Troms\u00f8'] } });
    expect(env).toMatchObject({ HTTP_X_A: 'Tromsø', HTTP_X_B: 'Tromsø' });
  });

  it('names the server by its address when the client named none, IPv6 in brackets', () => {
    const nameOf = (localAddress: string): string | undefined =>
      cgiEnvironment({ ...request, host: '', localAddress })['SERVER_NAME'];
    expect([nameOf('10.0.0.1'), nameOf('::1')]).toEqual(['10.0.0.1', '[::1]']);
  });

  it('says so when the client came through TLS, and until when there is time', () => {
    expect(cgiEnvironment({ ...request, isEncrypted: true, deadlineAt: 1_700_000_000_000.4 })).toMatchObject({
      HTTPS: 'on',
      MINKE_DEADLINE: '1700000000000',
    });
  });
});
