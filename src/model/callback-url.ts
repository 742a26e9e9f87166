const longestUrl = 2048;

/** Where the end of a run may be told. A name and a password in it would be shown to all who may see the run. */
export function isCallbackUrl(text: string): boolean {
  if (text.length > longestUrl || /\s/.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '' && hash === '';
}

export const callbackUrlWords =
  'an http or https URL without a user, a password and a fragment, such as "https://example.com/ended"';
