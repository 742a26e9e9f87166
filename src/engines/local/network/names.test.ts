import { describe, expect, it } from 'vitest';
import { createNames } from './names.ts';

const subnet = { index: 0 };
const [db, web, api] = ['10.64.128.1', '10.64.128.2', '10.64.128.3'];

describe('the names of an app', () => {
  const names = createNames(subnet, []);
  names.set(['db', 'web', 'api'], {
    back: { db: 'db', store: 'db', web: 'web' },
    front: { web: 'web', api: 'api', store: 'api' },
  });

  it('are found on a network that one is on, and nowhere else', () => {
    expect(names.lookUp('db', ['back'])).toBe(db);
    expect(names.lookUp('db', ['front'])).toBeUndefined();
    expect(names.lookUp('db', [])).toBeUndefined();
    expect(names.lookUp('toString', ['back', 'front'])).toBeUndefined();
  });

  it('mean on each network what it calls so, and where two differ, what the first does', () => {
    expect(names.lookUp('store', ['front'])).toBe(api);
    expect(names.lookUp('store', ['back', 'front'])).toBe(db);
    expect(names.hosts(['back', 'front'])).toBe(`${db} db\n${db} store\n${web} web\n${api} api\n`);
  });

  it('have one address each on a network, however many names lead to it', () => {
    expect(names.on('back')).toEqual([db, web]);
    expect(names.on('nowhere')).toEqual([]);
  });

  it('keep their addresses when others come and go, and are found no more once they are gone', () => {
    const later = createNames(subnet, names.all());
    later.set(['api', 'new'], undefined);
    expect(later.all()).toEqual(['db', 'web', 'api', 'new']);
    expect([later.lookUp('api', ['default']), later.lookUp('db', ['default'])]).toEqual([api, undefined]);
    expect(later.at(db)).toBe('db');
  });
});
