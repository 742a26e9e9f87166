/** A name as Compose makes it from a folder: lower case, without what is not a letter, a digit, "-" or "_". */
export const normaliseName = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');

/** A project has to fit into names of folders, networks and volumes. */
export const isProjectName = (text: string): boolean => /^[a-z0-9][a-z0-9_-]{0,62}$/.test(text);

/** A service is a host name in its app's network; "_" is let through since Compose files have it and resolvers take it. */
export const isServiceName = (text: string): boolean =>
  /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/.test(text) && text !== 'localhost';
