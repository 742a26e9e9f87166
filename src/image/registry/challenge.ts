/** How a registry wants to be asked (RFC 9110, section 11.6.1). */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service?: string; readonly scope?: string };

/** The challenge of a WWW-Authenticate header that minke can meet; a token before a password, where both are offered. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  const text = header ?? '';
  const bearer = /(?:^|,)\s*bearer\s+(.+)$/i.exec(text)?.[1];
  const parameters = Object.fromEntries(
    [...(bearer ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key.toLowerCase(), value]),
  );
  const { realm, service, scope } = parameters;
  if (realm !== undefined) {
    return {
      scheme: 'bearer',
      realm,
      ...(service === undefined ? {} : { service }),
      ...(scope === undefined ? {} : { scope }),
    };
  }
  return /(?:^|,)\s*basic\b/i.test(text) ? { scheme: 'basic' } : undefined;
}
