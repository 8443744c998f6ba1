import { randomUUID } from 'node:crypto';
import { changeSettings, type SettingsChange } from './change.js';
import { defaultSettings } from './defaults.js';
import { SettingsError, SETTINGS_LIMITS } from './validation.js';

const change = (c: SettingsChange) => changeSettings(defaultSettings(), c);
const faults = (c: SettingsChange): readonly string[] => {
  try {
    change(c);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
};

describe('a change of settings', () => {
  it('changes only the settings that it names', () => {
    const { settings, changed } = change({ scimEnabled: true });
    expect(settings).toEqual({ ...defaultSettings(), scimEnabled: true });
    expect(changed).toEqual(['scimEnabled']);
  });

  it('distinguishes false from a missing value, which changes nothing', () => {
    expect(change({ groupSync: false, deactivateOnOffboard: undefined }).changed).toEqual(['groupSync']);
  });

  it('does not modify its arguments', () => {
    const before = Object.freeze({
      ...defaultSettings(),
      roleMappings: Object.freeze(defaultSettings().roleMappings) as never,
    });
    changeSettings(before, {
      map: [{ group: { name: 'X' }, role: 'viewer' }],
      roles: ['super_admin', 'itsm_manager', 'itsm_agent', 'viewer', 'guest'],
    });
    expect(before).toEqual(defaultSettings());
  });

  it('starts from a fresh copy of the defaults', () => {
    defaultSettings().roleMappings.pop();
    defaultSettings().roles.pop();
    expect(defaultSettings().roleMappings).toHaveLength(4);
    expect(defaultSettings().roles).toHaveLength(4);
  });

  it('adds a mapping once, whatever the case and the blanks of the group name', () => {
    expect(change({ map: [{ group: { name: ' stackflow-ADMINS ' }, role: 'super_admin' }] }).changed).toEqual([]);
  });

  it('may map one group to several roles', () => {
    expect(
      change({ map: [{ group: { name: 'StackFlow-Admins' }, role: 'viewer' }] }).settings.roleMappings,
    ).toHaveLength(5);
  });

  it('drops the defaults that no group uses when the tenant maps its first own group', () => {
    const own = { group: { name: 'IT admins' }, role: 'super_admin' };
    const names = (c: SettingsChange) => change(c).settings.roleMappings.map((m) => 'name' in m.group && m.group.name);
    expect(names({ map: [own], usedNames: ['stackflow-AGENTS'] })).toEqual(['StackFlow-Agents', 'IT admins']);
    expect(names({ map: [own], usedNames: [] })).toEqual(['IT admins']);
    // Nobody knows which groups are in use, so nothing is dropped.
    expect(names({ map: [own] })).toHaveLength(5);
    expect(names({ usedNames: [] })).toHaveLength(4);
    expect(names({ map: [{ group: { name: 'stackflow-admins' }, role: 'super_admin' }], usedNames: [] })).toHaveLength(
      4,
    );
  });

  it('keeps a default that an administrator maps again beside own mappings', () => {
    const own = { group: { name: 'IT admins' }, role: 'super_admin' };
    const { settings } = change({ map: [own], usedNames: [] });
    const viewers = { group: { name: 'StackFlow-Viewers' }, role: 'viewer' };
    const again = changeSettings(settings, { map: [viewers], usedNames: [] }).settings;
    expect(again.roleMappings).toEqual([own, viewers]);
    const next = { group: { name: 'Night shift' }, role: 'viewer' };
    expect(changeSettings(again, { map: [next], usedNames: [] }).settings.roleMappings).toEqual([own, viewers, next]);
  });

  it('unmaps a group from all its roles, or from one', () => {
    const two = change({ map: [{ group: { name: 'StackFlow-Admins' }, role: 'viewer' }] }).settings;
    const group = { name: 'stackflow-admins' };
    expect(changeSettings(two, { unmap: [{ group }] }).settings.roleMappings).toHaveLength(3);
    const one = changeSettings(two, { unmap: [{ group, role: 'super_admin' }] }).settings.roleMappings;
    expect(one.filter((m) => 'name' in m.group && m.group.name === 'StackFlow-Admins')).toEqual([
      { group: { name: 'StackFlow-Admins' }, role: 'viewer' },
    ]);
  });

  it.each(['https://acme.okta.com', 'acme.okta.com/', ' HTTPS://Acme.okta.com// '])(
    'takes the Okta domain from %p',
    (domain) => {
      expect(change({ okta: { domain, appId: ' 0oa1 ' } }).settings.okta).toEqual({
        domain: 'acme.okta.com',
        appId: '0oa1',
      });
    },
  );

  it('finds no difference if jsonb only reordered the properties of a mapping', () => {
    const stored = {
      ...defaultSettings(),
      roleMappings: defaultSettings().roleMappings.map(({ group, role }) => ({ role, group })),
    };
    expect(changeSettings(stored, { scimEnabled: false }).changed).toEqual([]);
  });
});

describe('a refused change says what to fix', () => {
  const name = (n: string) => ({ name: n });
  it.each<[string, SettingsChange, RegExp]>([
    [
      'unknown role',
      { map: [{ group: name('Finance'), role: 'accountant' }] },
      /The group "Finance" is mapped to the role "accountant", which does not exist; the roles are: super_admin, itsm_manager/,
    ],
    [
      'role removed while mapped',
      { roles: ['super_admin'] },
      /The group "StackFlow-Viewers" is mapped to the role "viewer", which does not exist/,
    ],
    [
      'same pair twice',
      {
        map: [
          { group: name('A'), role: 'viewer' },
          { group: name('a '), role: 'viewer' },
        ],
      },
      /The group "a" is mapped to the role "viewer" twice/,
    ],
    ['group without a name', { map: [{ group: name('  '), role: 'viewer' }] }, /has no group/],
    ['group id that is none', { map: [{ group: { id: 'abc' }, role: 'viewer' }] }, /"abc" is not a group id/],
    ['control character', { map: [{ group: name('a\u0000b'), role: 'viewer' }] }, /control character/],
    [
      'long group name',
      { map: [{ group: name('x'.repeat(SETTINGS_LIMITS.groupName + 1)), role: 'viewer' }] },
      /longer than 256/,
    ],
    ['admin host of Okta', { okta: { domain: 'acme-admin.okta.com', appId: '0oa1' } }, /without "-admin"/],
    ['no roles', { roles: [], roleMappings: [] }, /list of roles is empty/],
    [
      'issuer with a slash',
      { sso: { issuer: 'https://acme.okta.com/', clientId: '0oa1' } },
      /"https:\/\/acme.okta.com\/" is not an Okta issuer/,
    ],
    ['issuer by http', { sso: { issuer: 'http://acme.okta.com', clientId: '0oa1' } }, /is not an Okta issuer/],
    ['client id with a blank', { sso: { issuer: 'https://acme.okta.com', clientId: 'a b' } }, /"a b" is not an OIDC/],
    ['empty role', { roles: ['viewer', ''], roleMappings: [] }, /empty name/],
    ['role with a space', { roles: ['Super Admin'], roleMappings: [] }, /"Super Admin" cannot be a role name/],
    ['role twice', { roles: ['viewer', 'viewer'], roleMappings: [] }, /is twice in the list/],
    [
      'too many roles',
      { roles: Array.from({ length: 51 }, (_, i) => `r${i}`), roleMappings: [] },
      /51 roles; the limit is 50/,
    ],
    ['nothing to unmap', { unmap: [{ group: { id: randomUUID() } }] }, /Nothing to unmap/],
  ])('%s', (_, c, sentence) => {
    const found = faults(c);
    expect(found.join('\n')).toMatch(sentence);
    for (const fault of found) expect(fault).toMatch(/[.]$/);
  });

  it('with all faults at once', () => {
    expect(
      faults({
        roles: ['Bad Role', 'viewer'],
        roleMappings: [{ group: name(''), role: 'x' }],
        unmap: [{ group: name('nobody') }],
      }).length,
    ).toBeGreaterThanOrEqual(4);
  });

  it('with the limit of 1000 mappings', () => {
    const mappings = Array.from({ length: SETTINGS_LIMITS.mappings }, (_, i) => ({
      group: name(`g${i}`),
      role: 'viewer',
    }));
    expect(faults({ roleMappings: mappings })).toEqual([]);
    expect(faults({ roleMappings: mappings, map: [{ group: name('one more'), role: 'viewer' }] })).toEqual([
      expect.stringContaining('There are 1001 group mappings; the limit is 1000'),
    ]);
  });
});
