import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';

const mark = '# names of the app\n';

/** A container's /etc/hosts: what is its own, and after that the names that it finds. */
export const hostsText = (own: string, names: string): string => `${own}${mark}${names}`;

/**
 * Gives a running container the names that it finds from now on. It is mounted as this very file, which is written over and
 * not replaced; who reads it meanwhile never finds it empty. One that the container has made its own stays as it is.
 */
export function renewHosts(file: string, names: string): void {
  const text = readFileSync(file, 'utf8');
  const own = text.indexOf(mark);
  const next = hostsText(text.slice(0, own), names);
  if (own === -1 || next === text) return;
  const descriptor = openSync(file, 'r+');
  try {
    const bytes = Buffer.from(next);
    writeSync(descriptor, bytes, 0, bytes.length, 0);
    ftruncateSync(descriptor, bytes.length);
  } finally {
    closeSync(descriptor);
  }
}
