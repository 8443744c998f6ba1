import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { KAFKA_SUBSCRIBERS, serviceUsers } from './kafka.js';

const APPS = path.resolve(import.meta.dirname, '../..');
const texts = (folder: string): string =>
  globSync('src/**/*.ts', { cwd: folder, exclude: (f) => f.endsWith('.spec.ts') })
    .map((file) => readFileSync(path.join(folder, file), 'utf8'))
    .join('\n');
const patterns = (text: string): string[] => [...text.matchAll(/@EventPattern\('([\w.]+)'\)/g)].map((m) => m[1] ?? '');

/** The topics of a service's own handlers, and of the shared handler that copies settings. */
function handled(name: string): string[] {
  const text = texts(path.join(APPS, name));
  return [...patterns(text), ...(text.includes('SettingsCopyConsumer') ? ['integration.settings'] : [])];
}

describe('the users of Kafka', () => {
  it.each(serviceUsers)('$name may read the topics for which it has handlers, and no other', ({ name, consumes }) => {
    expect([...consumes].sort()).toEqual([...new Set(handled(name))].sort());
  });

  const parse = (text: string) => KAFKA_SUBSCRIBERS.schema.safeParse(text);

  it('include subscribers outside, which publish nothing', () => {
    expect(parse(' reports:identity.accounts+identity.access, audit:offboarding.cases ').data).toEqual([
      { name: 'reports', publishes: [], consumes: ['identity.accounts', 'identity.access'] },
      { name: 'audit', publishes: [], consumes: ['offboarding.cases'] },
    ]);
    expect(parse('').data).toEqual([]);
  });

  it.each([
    ['an unknown topic', 'reports:identity.secrets'],
    ['no topic', 'reports:'],
    ['no name', 'identity.accounts'],
    ['the name of a service', 'scim-gateway:identity.accounts'],
    ['a name with which the groups of a service begin', 'auth:identity.accounts'],
    ['a name that begins as the groups of a service do', 'auth-service-2:identity.accounts'],
    ['one name twice', 'reports:identity.accounts,reports:identity.access'],
    ['a name with a wildcard', '*:identity.accounts'],
  ])('refuse a subscriber with %s', (_, text) => expect(parse(text).success).toBe(false));
});
