/** Connecting and disconnecting sign-in through Okta: what is stored where, and what is answered when. */
import { oidcSecretName, readOidcSecret, SecretStore } from '#secrets';
import type { ConnectSso } from '#contracts';
import { BY, HubUnderTest, refusal } from './hub.js';

const CLIENT_SECRET = 'oidc-client-secret-AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKK';
const ISSUER = 'https://acme.okta.com';

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

const connect = (slug: string, more: Partial<ConnectSso> = {}) =>
  hub.client.connectSso(slug, { by: BY, clientId: '0oa1client', clientSecret: CLIENT_SECRET, ...more });

describe('connecting sign-in', () => {
  it('answers the addresses that the OIDC app in Okta must name, at the host of the tenant', async () => {
    await hub.create('addresses', { host: 'words.example.com' });
    const { tenant } = await connect('addresses', { issuer: `${ISSUER}/oauth2/default` });
    expect(tenant.addresses).toMatchObject({
      redirectUri: 'https://words.example.com/auth/okta/callback',
      postLogoutUri: 'https://words.example.com/',
      universalLogoutUri: 'https://words.example.com/auth/okta/universal-logout',
    });
    expect((await hub.client.tenant('addresses')).settings.sso).toEqual({
      issuer: 'https://acme.okta.com/oauth2/default',
      clientId: '0oa1client',
    });
  });

  it('publishes issuer and client, and keeps the client secret in the secret store alone (P5)', async () => {
    const { tenant } = await hub.create('secretive');
    const connected = await connect('secretive', { issuer: ISSUER });
    expect(connected).toMatchObject({
      tenant: {
        settings: { sso: { issuer: ISSUER, clientId: '0oa1client' } },
        addresses: { redirectUri: 'http://localhost:8080/auth/okta/callback' },
      },
      changed: ['sso', 'ssoClientSecret'],
      published: true,
    });
    const { id, slug, host, version: sequence, settings } = connected.tenant;
    expect((await hub.events(tenant.id)).at(-1)).toEqual({
      sequence,
      data: { tenant: { id, slug, host }, ...settings },
    });
    expect(await readOidcSecret(store, tenant.id)).toBe(CLIENT_SECRET);
    expect(await hub.rowsWith(CLIENT_SECRET)).toEqual([]);
    for (const answer of [connected, await connect('secretive'), await hub.client.tenants()])
      expect(JSON.stringify(answer)).not.toContain(CLIENT_SECRET);
    expect((await hub.client.audit('secretive')).entries[0]?.action).toBe('connect-sso');
  });

  it('takes the issuer of the connected org, keeps the current issuer, and refuses when it knows none', async () => {
    await hub.create('unnamed');
    const refused = await refusal(connect('unnamed'));
    expect(refused).toMatchObject({ status: 400, code: 'issuer_missing', parameters: { tenant: 'unnamed' } });
    expect(refused.message).toContain('https://your-org.okta.com');
    await hub.client.connectOkta('unnamed', {
      by: BY,
      domain: 'org.okta.com',
      appId: '0oa1234567890abcdefg',
      apiToken: '00aaaabbbbccccddddeeeeffffgggghhhhiiiijjjj',
    });
    expect((await connect('unnamed')).tenant.settings.sso) //
      .toEqual({ issuer: 'https://org.okta.com', clientId: '0oa1client' });
    const issuer = 'https://org.okta.com/oauth2/default';
    await connect('unnamed', { issuer });
    expect((await connect('unnamed')).tenant.settings.sso).toMatchObject({ issuer });
  });

  it('makes a new version also when only the secret differs, so that services forget the old one', async () => {
    await hub.create('again');
    const first = await connect('again', { issuer: ISSUER });
    const second = await connect('again');
    expect([second.tenant.version, second.changed]).toEqual([first.tenant.version + 1, ['ssoClientSecret']]);
  });

  it('stores the client secret without outer blanks and line ends', async () => {
    const { tenant } = await hub.create('trimmed');
    await connect('trimmed', { clientSecret: ' piped-client-secret\n', issuer: ISSUER });
    expect(await readOidcSecret(store, tenant.id)).toBe('piped-client-secret');
  });

  it.each([
    ['a blank in it', 'do not-print-me'],
    ['nine characters', 'short-one'],
    ['513 characters', 's'.repeat(513)],
  ])('refuses a client secret with %s, names the rule, and does not quote the secret', async (_, clientSecret) => {
    await hub.client.create({ slug: 'picky', by: BY, ifMissing: true });
    const refused = await refusal(connect('picky', { clientSecret, issuer: ISSUER }));
    expect(refused).toMatchObject({ status: 400, code: 'secret_invalid' });
    expect(refused.parameters).toEqual({
      field: 'clientSecret',
      minLength: 10,
      maxLength: 512,
      length: clientSecret.length,
    });
    expect(refused.message).toContain('10 to 512 printable characters');
    expect(refused.message).not.toContain(clientSecret);
  });

  it('refuses a wrong issuer and a wrong client id before it writes a secret', async () => {
    const { tenant } = await hub.create('careful');
    const refusals = [
      [{ clientSecret: 'do not-print-me', issuer: ISSUER }, 'not a valid client secret'],
      [{ issuer: 'http://acme.okta.com' }, 'is not an Okta issuer'],
      [{ clientId: 'a/b', issuer: ISSUER }, 'is not an OIDC client id'],
    ] as const;
    for (const [wrong, sentence] of refusals) {
      const refused = await refusal(connect('careful', wrong));
      expect([refused.status, refused.message]).toEqual([400, expect.stringContaining(sentence)]);
      expect(refused.message).not.toContain('do not-print-me');
    }
    expect(hub.secretsManager.values(oidcSecretName(tenant.id))).toEqual([]);
  });

  it('is completed by repeating it after a crash between secret and settings', async () => {
    const { tenant } = await hub.create('crashed');
    hub.secretsManager.mode = 'mute'; // stores the secret and never answers, as if the process ended there
    const crashed = await refusal(connect('crashed', { issuer: ISSUER }));
    hub.secretsManager.mode = 'ok';
    expect([crashed.status, crashed.message]).toEqual([503, expect.stringContaining('was not connected')]);
    expect((await hub.client.tenant('crashed')).settings.sso).toBeNull();
    await connect('crashed', { issuer: ISSUER });
    expect(await readOidcSecret(store, tenant.id)).toBe(CLIENT_SECRET);
  });
});

describe('disconnecting sign-in', () => {
  it('erases the secret, at both stages, after the settings are changed', async () => {
    const { tenant } = await hub.create('leaving');
    await connect('leaving', { issuer: ISSUER });
    const left = await hub.client.disconnectSso('leaving', BY);
    expect(left).toMatchObject({ tenant: { settings: { sso: null } }, changed: ['sso'], published: true });
    expect(await readOidcSecret(store, tenant.id)).toBeNull();
    expect(await store.read(oidcSecretName(tenant.id), 'AWSPREVIOUS')).not.toContain(CLIENT_SECRET);
  });

  it('erases what a crash left behind when it is repeated, and makes no version', async () => {
    const { tenant } = await hub.create('leftover');
    await connect('leftover', { issuer: ISSUER });
    hub.secretsManager.mode = 'error';
    const failed = await refusal(hub.client.disconnectSso('leftover', BY));
    hub.secretsManager.mode = 'ok';
    expect([failed.status, failed.message]).toEqual([503, expect.stringContaining('not erased yet')]);
    const { version } = await hub.client.tenant('leftover');
    expect(await readOidcSecret(store, tenant.id)).toBe(CLIENT_SECRET);
    expect((await hub.client.disconnectSso('leftover', BY)).changed).toEqual([]);
    expect(await readOidcSecret(store, tenant.id)).toBeNull();
    expect((await hub.client.tenant('leftover')).version).toBe(version);
  });
});
