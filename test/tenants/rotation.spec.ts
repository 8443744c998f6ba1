/** What a rotation means to the one who holds the token, and what interrupted commands leave behind. */
import { ScimTokenVerifier, SecretStore, scimTokenSecretName } from '#secrets';
import { HubUnderTest } from './hub.js';

let hub: HubUnderTest;
let store: SecretStore;
beforeAll(async () => {
  hub = await HubUnderTest.start();
  store = new SecretStore({
    region: 'eu-central-1',
    endpoint: hub.secretsEndpoint,
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
});
afterAll(async () => {
  store.close();
  await hub.stop();
});
afterEach(() => (hub.secretsManager.mode = 'ok'));

/** What a gateway that was started `afterMs` from now would say about a token. */
const verdict = async (token: string, afterMs = 0): Promise<string | undefined> => {
  const verifier = new ScimTokenVerifier({ store, isKnownTenant: () => true, now: () => Date.now() + afterMs });
  return (await verifier.verify(`Bearer ${token}`))?.which;
};

const HOUR = 3_600_000;

it('keeps the old token valid for the grace and says until when', async () => {
  const { scimToken: old } = await hub.json('create grace');
  const { code, out } = await hub.run('rotate-token grace --grace 2h');
  expect(code).toBe(0);
  const token = /sfs1\.\S+/.exec(out)?.[0] ?? '';
  expect(Date.parse(/stays valid until (\S+):/.exec(out)?.[1] ?? '') - Date.now()).toBeGreaterThan(2 * HOUR - 60_000);
  expect(await verdict(token)).toBe('current');
  expect(await verdict(old)).toBe('previous');
  expect(await verdict(old, 2 * HOUR)).toBeUndefined();
});

it('gives 24 hours when nothing is said', async () => {
  const { scimToken: old } = await hub.json('create day');
  await hub.json('rotate-token day');
  expect(await verdict(old, 23.9 * HOUR)).toBe('previous');
  expect(await verdict(old, 24 * HOUR)).toBeUndefined();
});

it('with grace 0 revokes the old token at once', async () => {
  const { scimToken: old } = await hub.json('create leaked');
  const { scimToken } = await hub.json('rotate-token leaked --grace 0');
  expect(await verdict(old)).toBeUndefined();
  expect(await verdict(scimToken)).toBe('current');
});

it('tells every service by an event, with the instants and without the token', async () => {
  const { tenant, settings: before } = await hub.json('create told');
  const { scimToken, settings, version } = await hub.json('rotate-token told');
  const event = (await hub.events(tenant.id)).at(-1);
  expect(event).toEqual({ sequence: version, data: settings });
  expect(Date.parse(settings.scimToken?.issuedAt ?? '')).toBeGreaterThan(Date.parse(before.scimToken?.issuedAt ?? ''));
  expect(JSON.stringify(event)).not.toContain(scimToken.split('.')[2]);
});

it('by two people at once gives two tokens of which the later one is current and none is lost', async () => {
  const { scimToken: old } = await hub.json('create pair');
  const both = await Promise.all([hub.json('rotate-token pair'), hub.json('rotate-token pair')]);
  const verdicts = await Promise.all(both.map((r) => verdict(r.scimToken)));
  expect(verdicts.sort()).toEqual(['current', 'previous']);
  expect(await verdict(old)).toBe('previous');
});

describe('an interrupted command', () => {
  it('create without a secret store leaves a tenant that the same command completes', async () => {
    hub.secretsManager.mode = 'error';
    const failed = await hub.run('create cut --enable-scim');
    expect(failed.code).toBe(69);
    expect(failed.err).toContain('Repeat the command');
    const unfinished = await hub.json('show cut');
    expect(unfinished.settings.scimToken).toBeNull();
    hub.secretsManager.mode = 'ok';
    const { tenant, scimToken, settings } = await hub.json('create cut');
    expect(tenant.id).toBe(unfinished.tenant.id);
    expect(settings.scimEnabled).toBe(true);
    expect(await verdict(scimToken)).toBe('current');
  });

  it('create whose secret was stored but not confirmed is completed with a token that works', async () => {
    hub.secretsManager.mode = 'mute';
    expect((await hub.run('create unheard')).code).toBe(69);
    hub.secretsManager.mode = 'ok';
    const { tenant, scimToken } = await hub.json('create unheard');
    expect(hub.secretsManager.values(scimTokenSecretName(tenant.id))).toHaveLength(2);
    expect(await verdict(scimToken)).toBe('current');
  });

  it('rotation whose secret was stored but not confirmed does not cost Okta its token when it is repeated', async () => {
    const { tenant, scimToken: inOkta } = await hub.json('create crash');
    hub.secretsManager.mode = 'mute-put';
    expect((await hub.run('rotate-token crash --grace 1h')).code).toBe(69);
    hub.secretsManager.mode = 'ok';
    expect(hub.secretsManager.values(scimTokenSecretName(tenant.id))).toHaveLength(2);
    const { scimToken } = await hub.json('rotate-token crash --grace 1h');
    expect(await verdict(inOkta)).toBe('previous');
    expect(await verdict(scimToken)).toBe('current');
  });

  it('rotation without a secret store changes nothing', async () => {
    const { scimToken, tenant } = await hub.json('create down');
    hub.secretsManager.mode = 'error';
    const { code, err } = await hub.run('rotate-token down');
    expect(code).toBe(69);
    expect(err).toContain('was not rotated');
    hub.secretsManager.mode = 'ok';
    expect(await verdict(scimToken)).toBe('current');
    expect((await hub.events(tenant.id)).map((e) => e.sequence)).toEqual([1, 2]);
  });
});
