/** Connecting a tenant to its Okta org and disconnecting it: what is stored where, and what is answered when. */
import { oktaSecretName, readOktaSecret, SecretStore } from '#secrets';
import type { ConnectOkta } from '#contracts';
import { BY, HubUnderTest, refusal } from './hub.js';

const API_TOKEN = '00aaaabbbbccccddddeeeeffffgggghhhhiiiijjjj';
const SECRET = /sfh1\.[A-Za-z0-9_-]{43}/;
const HOUR = 3_600_000;

let hub: HubUnderTest;
let store: SecretStore;
beforeAll(async () => {
  hub = await HubUnderTest.start();
  store = new SecretStore({
    region: 'us-east-1',
    endpoint: hub.secretsEndpoint,
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
});
afterAll(async () => {
  store.close();
  await hub.stop();
});
afterEach(() => (hub.secretsManager.mode = 'ok'));

const connect = (slug: string, more: Partial<ConnectOkta> = {}) =>
  hub.client.connectOkta(slug, {
    by: BY,
    domain: 'acme.okta.com',
    appId: '0oa1234567890abcdefg',
    apiToken: API_TOKEN,
    ...more,
  });
const dataOf = ({ id, slug, host, settings }: Awaited<ReturnType<typeof connect>>['tenant']) => ({
  tenant: { id, slug, host },
  ...settings,
});

describe('connecting Okta', () => {
  it('answers the address of the event hook, and the hook secret once', async () => {
    await hub.create('once');
    const first = await connect('once');
    expect(first.tenant.addresses.eventHookUrl).toBe('http://localhost:8080/auth/okta/event-hook/once');
    expect(first.hookSecret).toEqual({ secret: expect.stringMatching(SECRET), previousValidUntil: null });
    const again = await connect('once');
    expect(again.hookSecret).toBeNull();
    expect(JSON.stringify(again)).not.toMatch(SECRET);
  });

  it('publishes domain and app, and keeps API token and hook secret in the secret store alone (P5)', async () => {
    const { tenant } = await hub.create('secretive', { host: 'secretive.example.com' });
    const connected = await connect('secretive');
    expect(connected.tenant.settings.okta).toEqual({ domain: 'acme.okta.com', appId: '0oa1234567890abcdefg' });
    expect(connected.tenant.addresses.eventHookUrl).toBe(
      'https://secretive.example.com/auth/okta/event-hook/secretive',
    );
    expect((await hub.events(tenant.id)).at(-1)).toEqual({
      sequence: connected.tenant.version,
      data: dataOf(connected.tenant),
    });
    const hookSecret = connected.hookSecret?.secret ?? '';
    expect(await readOktaSecret(store, tenant.id)).toEqual({
      apiToken: API_TOKEN,
      hookSecrets: [{ secret: hookSecret, validUntil: Infinity }],
    });
    for (const secret of [API_TOKEN, hookSecret]) expect(await hub.rowsWith(secret)).toEqual([]);
    for (const answer of [await hub.client.tenant('secretive'), await hub.client.tenants()]) {
      expect(JSON.stringify(answer)).not.toContain(API_TOKEN);
      expect(JSON.stringify(answer)).not.toMatch(SECRET);
    }
  });

  it('shows in the list, in the tenant and in the audit', async () => {
    const { tenant: before } = await hub.create('shown');
    expect(before.settings.okta).toBeNull();
    const { tenant } = await connect('shown');
    const okta = { domain: 'acme.okta.com', appId: '0oa1234567890abcdefg' };
    expect((await hub.client.tenant('shown')).settings.okta).toEqual(okta);
    const { tenants } = await hub.client.tenants();
    expect(tenants.find(({ slug }) => slug === 'shown')?.settings.okta).toEqual(okta);
    const audit = await hub.query(
      'select action, detail from hub.admin_audit where tenant_id = $1 order by id desc limit 1',
      [tenant.id],
    );
    const changed = ['okta', 'oktaApiToken', 'oktaEventHookSecret'];
    expect(audit).toEqual([{ action: 'connect-okta', detail: { version: tenant.version, changed } }]);
  });

  it('keeps the hook secret and makes a new version when only the API token differs', async () => {
    const { tenant } = await hub.create('renewed');
    const first = await connect('renewed');
    const second = await connect('renewed', { apiToken: `${API_TOKEN}x` });
    expect(second).toMatchObject({
      tenant: { version: first.tenant.version + 1 },
      changed: ['oktaApiToken'],
      published: true,
      hookSecret: null,
    });
    expect((await hub.events(tenant.id)).map((e) => e.sequence)).toContain(second.tenant.version);
    const credentials = await readOktaSecret(store, tenant.id);
    expect(credentials?.apiToken).toBe(`${API_TOKEN}x`);
    expect(credentials?.hookSecrets.map((s) => s.secret)).toEqual([first.hookSecret?.secret]);
  });

  it('rotates the hook secret with grace, or without', async () => {
    const { tenant } = await hub.create('rotated');
    const first = await connect('rotated');
    const second = await connect('rotated', { rotateHookSecret: true, graceMs: 2 * HOUR });
    const accepted = async () => (await readOktaSecret(store, tenant.id))?.hookSecrets.map((s) => s.secret);
    expect(await accepted()).toEqual([second.hookSecret?.secret, first.hookSecret?.secret]);
    const third = await connect('rotated', { rotateHookSecret: true, graceMs: 0 });
    expect(await accepted()).toEqual([third.hookSecret?.secret]);
  });

  it('stores the API token without outer blanks and line ends', async () => {
    const { tenant } = await hub.create('trimmed');
    await connect('trimmed', { apiToken: ` ${API_TOKEN}\n` });
    expect((await readOktaSecret(store, tenant.id))?.apiToken).toBe(API_TOKEN);
  });

  it.each([
    ['SSWS in front', `SSWS ${API_TOKEN}`],
    ['two lines', `${API_TOKEN}\n${API_TOKEN}`],
    ['nothing', ''],
    ['nine characters', '00aaaabbb'],
    ['513 characters', 'a'.repeat(513)],
  ])('refuses an API token with %s, names the rule, and does not quote the token', async (_, apiToken) => {
    await hub.client.create({ slug: 'picky', by: BY, ifMissing: true });
    const refused = await refusal(connect('picky', { apiToken }));
    expect(refused).toMatchObject({ status: 400, code: 'secret_invalid' });
    expect(refused.parameters).toMatchObject({ field: 'apiToken', minLength: 10, maxLength: 512 });
    expect(refused.message).toContain('10 to 512 printable characters');
    expect(JSON.stringify([refused.message, refused.parameters])).not.toContain(API_TOKEN);
    expect((await hub.client.tenant('picky')).settings.okta).toBeNull();
  });

  it('refuses an endless API token without quoting it', async () => {
    await hub.create('endless');
    const refused = await refusal(connect('endless', { apiToken: 'a'.repeat(100_000) }));
    expect([refused.status, refused.message.length < 200]).toEqual([400, true]);
  });

  it.each(['https://acme.okta.com', 'https://acme.okta.com/', 'acme.okta.com/', ' ACME.okta.com '])(
    'takes the domain from a pasted "%s"',
    async (domain) => {
      await hub.client.create({ slug: 'pasted', by: BY, ifMissing: true });
      expect((await connect('pasted', { domain })).tenant.settings.okta?.domain).toBe('acme.okta.com');
    },
  );

  it.each([
    ['https://acme.okta.com/app', '0oa1', 'is not an Okta domain'],
    ['acme-admin.okta.com', '0oa1', 'without "-admin"'],
    ['https://acme-admin.okta.com/', '0oa1', 'without "-admin"'],
    ['acme.okta.com.evil.example', '0oa1', 'is not an Okta domain'],
    ['169.254.169.254', '0oa1', 'is not an Okta domain'],
    ['acme.okta.com', '../users', 'is not the id of an Okta app'],
  ])('refuses the domain %s with the app %s before it writes a secret', async (domain, appId, sentence) => {
    const { tenant } = await hub.create(`refused-${Math.random().toString(36).slice(2)}`);
    const refused = await refusal(connect(tenant.slug, { domain, appId }));
    expect(refused).toMatchObject({ code: 'settings_invalid', message: expect.stringContaining(sentence) });
    expect(hub.secretsManager.values(oktaSecretName(tenant.id))).toEqual([]);
  });

  it('refuses an unknown tenant, and says that Okta was not connected when the secret store is down', async () => {
    await hub.create('lost');
    expect(await refusal(connect('nobody'))).toMatchObject({ code: 'tenant_unknown' });
    hub.secretsManager.mode = 'error';
    const refused = await refusal(connect('lost'));
    hub.secretsManager.mode = 'ok';
    expect(refused).toMatchObject({ status: 503, code: 'secret_store_unavailable' });
    expect(refused.message).toContain('Okta was not connected');
    expect((await hub.client.tenant('lost')).settings.okta).toBeNull();
  });

  it('is completed by repeating it after a crash between secret and settings', async () => {
    const { tenant } = await hub.create('crashed');
    hub.secretsManager.mode = 'mute'; // stores the secret and never answers, as if the process ended there
    expect((await refusal(connect('crashed'))).status).toBe(503);
    hub.secretsManager.mode = 'ok';
    const { hookSecret } = await connect('crashed', { rotateHookSecret: true });
    expect((await readOktaSecret(store, tenant.id))?.hookSecrets[0]?.secret).toBe(hookSecret?.secret);
  });
});

describe('disconnecting Okta', () => {
  it('erases API token and hook secret after the settings are changed', async () => {
    const { tenant } = await hub.create('leaving');
    await connect('leaving');
    const left = await hub.client.disconnectOkta('leaving', BY);
    expect(left).toMatchObject({ tenant: { settings: { okta: null } }, changed: ['okta'], published: true });
    expect(await readOktaSecret(store, tenant.id)).toBeNull();
    expect(await store.read(oktaSecretName(tenant.id), 'AWSPREVIOUS')).not.toContain(API_TOKEN);
  });

  it('erases what a crash left behind when it is repeated, and makes no version', async () => {
    const { tenant } = await hub.create('leftover');
    await connect('leftover');
    hub.secretsManager.mode = 'error';
    const failed = await refusal(hub.client.disconnectOkta('leftover', BY));
    hub.secretsManager.mode = 'ok';
    expect([failed.status, failed.message]).toEqual([503, expect.stringContaining('not erased yet')]);
    const { version, settings } = await hub.client.tenant('leftover');
    expect(settings.okta).toBeNull();
    expect(await readOktaSecret(store, tenant.id)).not.toBeNull();
    expect((await hub.client.disconnectOkta('leftover', BY)).changed).toEqual([]);
    expect(await readOktaSecret(store, tenant.id)).toBeNull();
    expect((await hub.client.tenant('leftover')).version).toBe(version);
  });
});
