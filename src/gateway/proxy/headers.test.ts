import { describe, expect, it } from 'vitest';
import { clientHeaders, upstreamHeaders } from './headers.ts';

const origin = {
  address: '10.0.0.9',
  authority: 'h:1',
  name: 'web',
  isEncrypted: true,
  requestId: 'id',
  isChunked: true,
  route: '/web',
};

describe('header fields on their way', () => {
  it('keep their spelling, their order and their repetitions', () => {
    const headers = upstreamHeaders(['X-B', '1', 'X-a', '2', 'x-b', '3'], origin);
    expect(Object.entries(headers).slice(0, 2)).toEqual([
      ['X-B', ['1', '3']],
      ['X-a', '2'],
    ]);
  });

  it('lose what Connection names, but never the framing', () => {
    const raw = ['Connection', 'X-A, Content-Length, Host', 'X-A', '1', 'Content-Length', '3', 'Host', 'h'];
    const headers = upstreamHeaders(raw, origin);
    expect(headers).toMatchObject({ 'Content-Length': '3', Host: 'h' });
    expect(headers).not.toHaveProperty('X-A');
  });

  it('say who asked, over what and for whom', () => {
    expect(upstreamHeaders([], origin)).toMatchObject({
      'X-Forwarded-For': '10.0.0.9',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'h:1',
      'Minke-Route': '/web',
      Forwarded: 'for=10.0.0.9;proto=https;host="h:1"',
    });
    expect(upstreamHeaders([], { ...origin, address: '::1', authority: '' })['Forwarded']).toBe(
      'for="[::1]";proto=https',
    );
  });

  it('name the function where the client named no host', () => {
    expect(upstreamHeaders([], origin)).toMatchObject({ Host: 'web' });
    expect(upstreamHeaders(['host', 'h'], origin)).toMatchObject({ host: 'h' });
  });

  it('tell of trailers, and of no other transfer coding', () => {
    expect(upstreamHeaders(['TE', 'gzip, trailers'], origin)['TE']).toBe('trailers');
    expect(upstreamHeaders(['TE', 'gzip'], origin)).not.toHaveProperty('TE');
  });

  it('come back less those of the connection and those of the gateway', () => {
    const raw = [
      'Connection',
      'close, X-Hop',
      'X-Hop',
      '1',
      'Transfer-Encoding',
      'chunked',
      'X-Request-Id',
      'no',
      'ETag',
      '"1"',
    ];
    expect(clientHeaders(raw, ['X-Request-Id'])).toEqual(['ETag', '"1"']);
  });
});
