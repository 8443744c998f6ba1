/** Tenants and their settings: created, changed, listed, refused. */
import { parseScimToken } from '#secrets';
import { DEFAULT_BRAKE } from '#settings';
import { entityDifferences } from '../support/entities.js';
import { AUDITED, BY, HubUnderTest, refusal } from './hub.js';

let hub: HubUnderTest;
beforeAll(async () => (hub = await HubUnderTest.start()));
afterAll(() => hub.stop());

const version = async (slug: string): Promise<number> => (await hub.client.tenant(slug)).version;

it('describes its tables by entities exactly', async () => {
  expect(await entityDifferences(hub.service.database)).toEqual([]);
});

describe('creating a tenant', () => {
  it('starts with the defaults of the product page', async () => {
    const { settings, version } = (await hub.create('defaults')).tenant;
    expect(settings).toMatchObject({ scimEnabled: false, groupSync: true, deactivateOnOffboard: true });
    expect(settings.roles).toEqual(['super_admin', 'itsm_manager', 'itsm_agent', 'viewer']);
    expect(settings.roleMappings).toEqual([
      { group: { name: 'StackFlow-Admins' }, role: 'super_admin' },
      { group: { name: 'StackFlow-ITSM-Managers' }, role: 'itsm_manager' },
      { group: { name: 'StackFlow-Agents' }, role: 'itsm_agent' },
      { group: { name: 'StackFlow-Viewers' }, role: 'viewer' },
    ]);
    expect(version).toBe(2);
  });

  it('issues a token that names the new tenant', async () => {
    const { tenant, token } = await hub.create('names');
    expect(parseScimToken(token)?.tenantId).toBe(tenant.id);
  });

  it('answers only after the events are published', async () => {
    const { tenant, published } = await hub.client.create({
      slug: 'published',
      settings: { scimEnabled: true },
      by: BY,
    });
    expect(published).toBe(true);
    const events = await hub.events(tenant.id);
    expect(events.map((e) => e.sequence)).toEqual([1, 2]);
    expect(events[0]?.data).toMatchObject({ scimEnabled: true, scimToken: null });
    expect(events[1]?.data).toEqual({ tenant: { id: tenant.id, slug: 'published', host: null }, ...tenant.settings });
  });

  it('stores the token nowhere (P5)', async () => {
    const { token } = await hub.create('secretive');
    await hub.rotate('secretive');
    expect(await hub.rowsWith(token.split('.')[2] ?? '')).toEqual([]);
  });

  it('refuses a slug that exists, and issues no second token', async () => {
    const first = await hub.create('twice');
    const refused = await refusal(hub.client.create({ slug: 'twice', by: BY }));
    expect(refused).toMatchObject({ status: 409, code: 'tenant_exists' });
    expect(refused.parameters).toEqual({
      tenant: 'twice',
      tokenIssuedAt: first.tenant.settings.scimToken?.issuedAt,
    });
    const again = await hub.client.create({ slug: 'twice', by: BY, ifMissing: true });
    expect(again).toMatchObject({ scimToken: null, changed: [], published: true });
    expect(await version('twice')).toBe(first.tenant.version);
  });

  it('makes one tenant and answers one token when two calls create it at the same time', async () => {
    const create = () => hub.client.create({ slug: 'race', by: BY });
    const both = await Promise.allSettled([create(), create()]);
    expect(both.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected']);
    const [winner] = both.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []));
    expect(winner?.scimToken?.secret).toMatch(/^sfs1\./);
  });

  it.each(['Acme', '-acme', 'acme-', 'a_b', 'a.b', 'ünder', 'a'.repeat(64)])('refuses the slug %s', async (slug) => {
    const refused = await refusal(hub.client.create({ slug, by: BY }));
    expect(refused).toMatchObject({ status: 400, code: 'slug_invalid', parameters: { slug } });
    expect(refused.message).toContain('lower-case letters, digits and hyphens');
  });

  it('gives a host name to one tenant only, whatever its case', async () => {
    const { tenant } = await hub.create('hosted', { host: 'Hosted.Example.com' });
    expect(tenant.host).toBe('hosted.example.com');
    expect(tenant.addresses.scimBaseUrl).toBe('https://hosted.example.com/prod/api/scim/v2');
    const second = await refusal(hub.create('hosted2', { host: 'hosted.example.COM' }));
    expect(second).toMatchObject({ status: 409, code: 'host_taken' });
    expect(second.message).toContain('belongs to another tenant');
    expect(await refusal(hub.client.tenant('hosted2'))).toMatchObject({ code: 'tenant_unknown' });
    const url = await refusal(hub.create('hosted3', { host: 'https://x.example.com/' }));
    expect(url).toMatchObject({ code: 'host_invalid', message: expect.stringContaining('without https://') });
  });
});

describe('configuring a tenant', () => {
  beforeAll(async () => void (await hub.create('conf')));

  it('switches the three toggles, one version each', async () => {
    const on = await hub.configure('conf', { scimEnabled: true, groupSync: false, deactivateOnOffboard: false });
    expect(on.tenant.settings).toMatchObject({ scimEnabled: true, groupSync: false, deactivateOnOffboard: false });
    const back = await hub.configure('conf', { deactivateOnOffboard: true });
    expect(back.tenant.settings).toMatchObject({ scimEnabled: true, groupSync: false, deactivateOnOffboard: true });
    expect(back.tenant.version).toBe(on.tenant.version + 1);
  });

  it('publishes the whole state with each version', async () => {
    const { tenant } = await hub.configure('conf', { groupSync: true });
    const { id, slug, host, version: sequence, settings } = tenant;
    expect((await hub.events(id)).at(-1)).toEqual({ sequence, data: { tenant: { id, slug, host }, ...settings } });
  });

  it('maps and unmaps groups by name and by id', async () => {
    const id = '0198aaaa-0000-7000-8000-000000000001';
    const { tenant } = await hub.configure('conf', {
      map: [
        { group: { name: 'Night shift = west' }, role: 'viewer' },
        { group: { id }, role: 'itsm_agent' },
      ],
    });
    expect(tenant.settings.roleMappings.slice(4)).toEqual([
      { group: { name: 'Night shift = west' }, role: 'viewer' },
      { group: { id }, role: 'itsm_agent' },
    ]);
    const unmap = [{ group: { name: 'NIGHT SHIFT = west' } }, { group: { id } }];
    expect((await hub.configure('conf', { unmap })).tenant.settings.roleMappings).toHaveLength(4);
  });

  it('refuses a group that is given by id and name, or by neither', async () => {
    for (const group of [{ id: '7', name: 'Seven' }, {} as { name: string }])
      expect(await refusal(hub.configure('conf', { map: [{ group, role: 'viewer' }] }))).toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('either by its "id" or by its "name"'),
      });
  });

  it('makes no version when nothing differs', async () => {
    const before = await version('conf');
    const again = await hub.configure('conf', {
      scimEnabled: true,
      map: [{ group: { name: 'stackflow-admins' }, role: 'super_admin' }],
    });
    expect(again).toMatchObject({ changed: [], published: true });
    expect(await version('conf')).toBe(before);
  });

  it('names everything that is wrong, and changes nothing', async () => {
    const before = await hub.client.tenant('conf');
    const refused = await refusal(
      hub.configure('conf', {
        scimEnabled: false,
        map: [
          { group: { name: 'Finance' }, role: 'accountant' },
          { group: { id: '7' }, role: 'viewer' },
        ],
        unmap: [{ group: { name: 'Nobody' } }],
      }),
    );
    expect(refused).toMatchObject({ status: 400, code: 'settings_invalid' });
    for (const fault of [
      '"accountant"',
      'super_admin, itsm_manager, itsm_agent, viewer',
      '"7" is not a group id',
      'Nothing to unmap: the group "Nobody"',
    ])
      expect(refused.message).toContain(fault);
    expect(await hub.client.tenant('conf')).toEqual(before);
  });

  it('says which nested field of the body is wrong', async () => {
    const unknown = { map: [{ group: { name: 'A' }, role: 'viewer', rank: 1 }] };
    expect(await refusal(hub.configure('conf', unknown))).toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('rank'),
    });
  });

  it('takes a host name back', async () => {
    await hub.create('moving', { host: 'moving.example.com' });
    const { tenant, changed } = await hub.configure('moving', { host: null });
    expect([tenant.host, changed]).toEqual([null, ['host']]);
    expect((await hub.events(tenant.id)).at(-1)?.data).toMatchObject({ tenant: { host: null } });
    expect((await hub.create('next', { host: 'moving.example.com' })).tenant.host).toBe('moving.example.com');
  });
});

describe('the brake', () => {
  it('is on by default, set figure by figure, switched off, and on again', async () => {
    const { tenant } = await hub.create('braked');
    expect(tenant.settings.brake).toEqual(DEFAULT_BRAKE);
    const brakeAfter = async (settings: Parameters<typeof hub.configure>[1]) =>
      (await hub.configure('braked', settings)).tenant.settings.brake;
    expect(await brakeAfter({ brake: { percent: 2.5, windowMinutes: 30 } })) //
      .toEqual({ ...DEFAULT_BRAKE, percent: 2.5, windowMinutes: 30 });
    expect(await brakeAfter({ brake: null })).toBeNull();
    expect(await brakeAfter({ scimEnabled: true })).toBeNull();
    expect(await brakeAfter({ brake: { atLeast: 5, holdHours: 48 } })) //
      .toEqual({ ...DEFAULT_BRAKE, atLeast: 5, holdHours: 48 });
    expect((await hub.configure('braked', { brake: { holdHours: 48 } })).changed).toEqual([]);
  });

  it('refuses figures that make no sense, all of them at once', async () => {
    await hub.create('senseless');
    const brake = { percent: 101, atLeast: 0, windowMinutes: 1.5, holdHours: 1000 };
    const refused = await refusal(hub.configure('senseless', { brake }));
    expect(refused.code).toBe('settings_invalid');
    expect(refused.message.split('\n')).toHaveLength(4);
    expect((await hub.client.tenant('senseless')).settings.brake).toEqual(DEFAULT_BRAKE);
  });
});

describe('the internal API of the hub', () => {
  it('answers tenant_unknown for a tenant that does not exist', async () => {
    for (const call of [
      () => hub.client.tenant('ghost'),
      () => hub.configure('ghost', { scimEnabled: true }),
      () => hub.rotate('ghost'),
      () => hub.client.audit('ghost'),
    ])
      expect(await refusal(call())).toMatchObject({
        status: 404,
        code: 'tenant_unknown',
        parameters: { tenant: 'ghost' },
        message: expect.stringContaining('There is no tenant "ghost"'),
      });
  });

  it('lists the tenants in the order of their slugs, without any secret', async () => {
    const answer = await hub.client.tenants();
    const slugs = answer.tenants.map((t) => t.slug);
    expect(slugs).toEqual([...slugs].sort());
    expect(answer.tenants.find((t) => t.slug === 'hosted')).toMatchObject({
      host: 'hosted.example.com',
      settings: { scimEnabled: false },
    });
    expect(JSON.stringify(answer)).not.toMatch(/sfs1\./);
  });

  it('needs a credential', async () => {
    const { url } = hub.service;
    expect((await fetch(`${url}/internal/hub/tenants`)).status).toBe(401);
  });

  it('refuses a change that does not name its administrator', async () => {
    const refused = await refusal(hub.client.configure('conf', { by: '', settings: { scimEnabled: false } }));
    expect(refused).toMatchObject({ status: 400, code: 'invalid_request' });
  });
});

describe('the audit of a tenant', () => {
  it('keeps who changed what, newest first', async () => {
    await hub.create('audited');
    const roles = ['super_admin', 'itsm_manager', 'itsm_agent', 'auditor', 'viewer'];
    const { tenant } = await hub.client.configure('audited', { settings: { roles }, by: 'joe' });
    await hub.rotate('audited', 60_000);
    const { entries, next } = await hub.client.audit('audited');
    expect(entries.map(({ by, action, version, changed, detail }) => ({ by, action, version, changed, detail }))) //
      .toEqual([
        { by: AUDITED, action: 'rotate-token', version: 4, changed: ['scimToken'], detail: { graceMs: 60_000 } },
        { by: 'cli: joe', action: 'configure', version: tenant.version, changed: ['roles'], detail: {} },
        { by: AUDITED, action: 'issue-token', version: 2, changed: ['scimToken'], detail: {} },
        { by: AUDITED, action: 'create', version: 1, changed: [], detail: {} },
      ]);
    expect(next).toBeNull();
    expect(Date.parse(entries[0]?.at ?? '')).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it('is read page by page, and shows no entry of another tenant', async () => {
    await hub.create('paged');
    await hub.configure('paged', { scimEnabled: true });
    await hub.create('neighbour');
    await hub.configure('paged', { scimEnabled: false });
    const actions: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof hub.client.audit>> = await hub.client.audit('paged', {
        limit: 3,
        ...(cursor !== null && { cursor }),
      });
      actions.push(...page.entries.map((e) => `${e.action} ${e.version}`));
      cursor = page.next;
    } while (cursor !== null);
    expect(actions).toEqual(['configure 4', 'configure 3', 'issue-token 2', 'create 1']);
    expect(await refusal(hub.client.audit('paged', { cursor: 'x' }))).toMatchObject({ code: 'invalid_request' });
  });
});

describe('the addresses of a tenant', () => {
  let own: HubUnderTest;
  beforeAll(async () => (own = await HubUnderTest.start()));
  afterAll(() => own.stop());

  const signInAddresses = async (slug: string) => {
    const { redirectUri, loginUri, postLogoutUri, universalLogoutUri } = (await own.client.tenant(slug)).addresses;
    return [redirectUri, loginUri, postLogoutUri, universalLogoutUri];
  };
  const AT_COMMON_ORIGIN = [
    'http://localhost:8080/auth/okta/callback',
    'http://localhost:8080/auth/okta/login',
    'http://localhost:8080/',
    'http://localhost:8080/auth/okta/universal-logout',
  ];

  it('stand under the common origin for the only tenant without a host name', async () => {
    const { tenant } = await own.create('first');
    expect(await signInAddresses('first')).toEqual(AT_COMMON_ORIGIN);
    expect(tenant.addresses.scimBaseUrl).toBe('http://localhost:8080/prod/api/scim/v2');
    expect(tenant.addresses.eventHookUrl).toBe('http://localhost:8080/auth/okta/event-hook/first');
    expect(tenant.warnings).toEqual([]);
  });

  it('stand under the host name of the tenant', async () => {
    await own.create('hosted', { host: 'hosted.example.com' });
    expect(await signInAddresses('hosted')).toEqual([
      'https://hosted.example.com/auth/okta/callback',
      'https://hosted.example.com/auth/okta/login',
      'https://hosted.example.com/',
      'https://hosted.example.com/auth/okta/universal-logout',
    ]);
    expect((await own.client.tenant('hosted')).warnings).toEqual([]);
    expect(await signInAddresses('first')).toEqual(AT_COMMON_ORIGIN);
  });

  it('lack sign-in, with a warning, where no tenant owns the common origin', async () => {
    await own.create('second');
    for (const slug of ['first', 'second']) {
      expect(await signInAddresses(slug)).toEqual([null, null, null, null]);
      expect((await own.client.tenant(slug)).warnings).toEqual([
        { code: 'sign_in_needs_host', parameters: { origin: 'http://localhost:8080', owner: null } },
      ]);
    }
  });

  it('lack sign-in, with a warning, where another tenant owns the common origin', async () => {
    await own.create('default');
    expect(await signInAddresses('default')).toEqual(AT_COMMON_ORIGIN);
    const { tenant } = await own.client.connectSso('second', {
      clientId: '0oa1client',
      clientSecret: 'a-client-secret',
      issuer: 'https://acme.okta.com',
      by: BY,
    });
    expect(tenant.addresses).toMatchObject({ redirectUri: null, loginUri: null, universalLogoutUri: null });
    expect(tenant.warnings).toEqual([
      { code: 'sign_in_needs_host', parameters: { origin: 'http://localhost:8080', owner: 'default' } },
    ]);
    expect(tenant.addresses.scimBaseUrl).toBe('http://localhost:8080/prod/api/scim/v2');
    const moved = await own.configure('second', { host: 'second.example.com' });
    expect(moved.tenant.warnings).toEqual([]);
  });
});
