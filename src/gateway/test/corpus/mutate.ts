import type { RandomBelow } from '../../../model/seeded-random.fixture.ts';

/** The bytes with one to three changes: something cut out, put in anywhere or between lines, or the end of others instead. */
export function mutate(bytes: string, others: readonly string[], random: RandomBelow): string {
  let changed = bytes;
  for (let left = random(3); left >= 0; left -= 1) changed = changeOnce(changed, others, random);
  return changed;
}

function changeOnce(bytes: string, others: readonly string[], random: RandomBelow): string {
  const at = random(bytes.length + 1);
  const piece = pieces[random(pieces.length)] ?? '';
  const other = others[random(others.length)] ?? '';
  const borders = [...bytes.matchAll(/\r\n/g)].map(({ index }) => index + 2);
  const border = borders[random(borders.length)] ?? at;
  const changes = [
    () => bytes.slice(0, at) + bytes.slice(at + 1 + random(3)),
    () => bytes.slice(0, at) + other.slice(random(other.length)),
    () => bytes.slice(0, border) + piece + bytes.slice(border),
    () => bytes.slice(0, at) + piece + bytes.slice(at),
  ];
  return changes[random(changes.length)]?.() ?? bytes;
}

const pieces: readonly string[] = [
  ['\r\n', '\n', '\r', ' ', '\t', '\0', '\x0b', '\x7f', '\x85', '\xa0', '\r\n ', '\r\n\r\n', '0\r\n\r\n'],
  [':', ';', ',', '/', '#', '"', '+', '-', '0', '5', 'a', '%00', 'HTTP/1.0', 'chunked'],
  ['Transfer-Encoding: chunked\r\n', 'Content-Length: 5\r\n', 'Content-Length: 0\r\n', 'Host: b\r\n'],
  ['Connection: close\r\n', 'Connection: keep-alive\r\n', 'Connection: Upgrade\r\n', 'Upgrade: websocket\r\n'],
  ['Expect: 100-continue\r\n', 'Trailer: X-A\r\n', 'TE: trailers\r\n', 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n'],
].flat();
