/** How long SCIM tokens stay valid after a rotation, and how interrupted calls are completed. */
import { ScimTokenVerifier, SecretStore, scimTokenSecretName } from '#secrets';
import { AUDITED, HubUnderTest, refusal } from './hub.js';

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

/** How a gateway that is started `afterMs` from now classifies a token; undefined = refused. */
const classify = async (token: string, afterMs = 0): Promise<string | undefined> => {
  const verifier = new ScimTokenVerifier({ store, isKnownTenant: () => true, now: () => Date.now() + afterMs });
  return (await verifier.verify(`Bearer ${token}`))?.which;
};
const rotated = async (slug: string, graceMs?: number): Promise<string> =>
  (await hub.rotate(slug, graceMs)).scimToken?.secret ?? '';

const HOUR = 3_600_000;

it('keeps the old token valid for the grace and answers until when', async () => {
  const { token: old } = await hub.create('grace');
  const { scimToken } = await hub.rotate('grace', 2 * HOUR);
  expect(Date.parse(scimToken?.previousValidUntil ?? '') - Date.now()).toBeGreaterThan(2 * HOUR - 60_000);
  expect(await classify(scimToken?.secret ?? '')).toBe('current');
  expect(await classify(old)).toBe('previous');
  expect(await classify(old, 2 * HOUR)).toBeUndefined();
});

it('keeps the old token valid for 24 hours when no grace is given', async () => {
  const { token: old } = await hub.create('day');
  await hub.rotate('day');
  expect(await classify(old, 23.9 * HOUR)).toBe('previous');
  expect(await classify(old, 24 * HOUR)).toBeUndefined();
});

it('revokes the old token at once with grace 0', async () => {
  const { token: old } = await hub.create('leaked');
  const token = await rotated('leaked', 0);
  expect(await classify(old)).toBeUndefined();
  expect(await classify(token)).toBe('current');
});

it('refuses a grace of more than 30 days', async () => {
  await hub.create('generous');
  expect(await refusal(hub.rotate('generous', 31 * 24 * HOUR))).toMatchObject({ status: 400, code: 'invalid_request' });
});

it('informs every service by an event, with the instants and without the token', async () => {
  const { tenant: before } = await hub.create('announced');
  const { tenant, scimToken } = await hub.rotate('announced');
  const event = (await hub.events(tenant.id)).at(-1);
  const { id, slug, host, version: sequence, settings } = tenant;
  expect(event).toEqual({ sequence, data: { tenant: { id, slug, host }, ...settings } });
  expect(Date.parse(settings.scimToken?.issuedAt ?? '')).toBeGreaterThan(
    Date.parse(before.settings.scimToken?.issuedAt ?? ''),
  );
  expect(JSON.stringify(event)).not.toContain(scimToken?.secret.split('.')[2]);
});

it('gives two concurrent rotations a token each: the later one is current, the other one in grace', async () => {
  const { token: old } = await hub.create('pair');
  const both = await Promise.all([rotated('pair'), rotated('pair')]);
  const found = await Promise.all(both.map((token) => classify(token)));
  expect(found.sort()).toEqual(['current', 'previous']);
  expect(await classify(old)).toBe('previous');
});

describe('an interrupted call', () => {
  it('completes a tenant that was created while the secret store was down', async () => {
    hub.secretsManager.mode = 'error';
    const failed = await refusal(hub.create('cut', { scimEnabled: true }));
    expect(failed).toMatchObject({ status: 503, code: 'secret_store_unavailable' });
    expect(failed.message).toContain('Repeat');
    const unfinished = await hub.client.tenant('cut');
    expect(unfinished.settings.scimToken).toBeNull();
    hub.secretsManager.mode = 'ok';
    const { tenant, token } = await hub.create('cut');
    expect(tenant.id).toBe(unfinished.id);
    expect(tenant.settings.scimEnabled).toBe(true);
    expect(await classify(token)).toBe('current');
  });

  it('completes a creation whose secret was stored but not confirmed, with a token that works', async () => {
    hub.secretsManager.mode = 'mute';
    expect((await refusal(hub.create('unheard'))).status).toBe(503);
    hub.secretsManager.mode = 'ok';
    const { tenant, token } = await hub.create('unheard');
    expect(hub.secretsManager.values(scimTokenSecretName(tenant.id))).toHaveLength(2);
    expect(await classify(token)).toBe('current');
  });

  it('keeps the token in Okta valid when a rotation is repeated whose secret was stored but not confirmed', async () => {
    const { tenant, token: inOkta } = await hub.create('crash');
    hub.secretsManager.mode = 'mute-put';
    expect((await refusal(hub.rotate('crash', HOUR))).status).toBe(503);
    hub.secretsManager.mode = 'ok';
    expect(hub.secretsManager.values(scimTokenSecretName(tenant.id))).toHaveLength(2);
    const token = await rotated('crash', HOUR);
    expect(await classify(inOkta)).toBe('previous');
    expect(await classify(token)).toBe('current');
  });

  it('changes nothing when a token is rotated while the secret store is down', async () => {
    const { token, tenant } = await hub.create('down');
    hub.secretsManager.mode = 'error';
    const failed = await refusal(hub.rotate('down'));
    expect([failed.status, failed.message]).toEqual([503, expect.stringContaining('was not rotated')]);
    hub.secretsManager.mode = 'ok';
    expect(await classify(token)).toBe('current');
    expect((await hub.events(tenant.id)).map((e) => e.sequence)).toEqual([1, 2]);
    expect((await hub.client.audit('down')).entries.map(({ action, by }) => [action, by])).toEqual([
      ['issue-token', AUDITED],
      ['create', AUDITED],
    ]);
  });
});
