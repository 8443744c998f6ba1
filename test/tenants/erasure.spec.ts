/** integration-hub's part in the erasure of a tenant: it locks the tenant first, and erases its own data last. */
import { AUDITED, BY, HubUnderTest, refusal } from './hub.js';

let hub: HubUnderTest;
beforeAll(async () => {
  hub = await HubUnderTest.start();
});
afterEach(() => {
  hub.secretsManager.mode = 'ok';
});
afterAll(() => hub.stop());

const start = (slug: string) => hub.client.startErasure(slug, BY);
const finish = (slug: string) => hub.client.finishErasure(slug, BY);

async function connected(slug: string): Promise<string> {
  const { tenant } = await hub.create(slug, { scimEnabled: false });
  const [domain, appId] = [`${slug}.okta.com`, '0oa1'];
  await hub.client.connectOkta(slug, { domain, appId, apiToken: '00abcdefghijk', by: BY });
  await hub.client.connectSso(slug, { clientId: '0oa2', clientSecret: 'a-client-secret', by: BY });
  return tenant.id;
}

it('refuses to begin while SCIM is on, and for a tenant that does not exist', async () => {
  await hub.create('busy', { scimEnabled: true });
  expect(await refusal(start('busy'))).toMatchObject({
    status: 409,
    code: 'scim_enabled',
    parameters: { tenant: 'busy' },
  });
  expect(await refusal(start('nobody'))).toMatchObject({ code: 'tenant_unknown' });
  await hub.configure('busy', { groupSync: false });
});

it('refuses every change of the tenant from the beginning on, also to switch SCIM on again', async () => {
  await connected('locked');
  expect(await start('locked')).toMatchObject({ state: 'closing', slug: 'locked', by: AUDITED });
  for (const change of [
    () => hub.configure('locked', { scimEnabled: true }),
    () => hub.rotate('locked'),
    () => hub.client.connectSso('locked', { clientId: '0oa3', clientSecret: 'another-secret', by: BY }),
    () => hub.client.disconnectOkta('locked', BY),
  ])
    expect(await refusal(change())).toMatchObject({ status: 409, code: 'tenant_erasing' });
  expect((await start('locked')).requestedAt).toBe((await start('locked')).requestedAt);
});

it('refuses to finish an erasure that nobody requested', async () => {
  await hub.create('untouched');
  expect(await refusal(finish('untouched'))).toMatchObject({ status: 409, code: 'conflict' });
  expect(await refusal(finish('nobody'))).toMatchObject({ code: 'tenant_unknown' });
  expect((await hub.client.tenant('untouched')).slug).toBe('untouched');
});

it('leaves only the record of the erasure, and one event that names nothing but the id', async () => {
  const id = await connected('gone');
  const neighbour = await connected('neighbour');
  const before = await hub.rowsWith(neighbour);
  await start('gone');
  expect(await finish('gone')).toMatchObject({ state: 'done', slug: 'gone', by: AUDITED });

  expect(await hub.query('select slug, requested_by from hub.tenant_erasure where tenant = $1', [id])).toEqual([
    { slug: 'gone', requested_by: AUDITED },
  ]);
  for (const table of ['tenant', 'integration_settings', 'admin_audit'])
    expect(await hub.query(`select 1 from hub.${table} t where strpos(t::text, $1) > 0`, [id])).toEqual([]);
  for (const kind of ['scim-token', 'okta', 'oidc'])
    expect(hub.secretsManager.values(`stackflow/${id}/${kind}`)).toEqual([]);
  const last = (await hub.events(id)).at(-1);
  expect(last?.data).toMatchObject({
    tenant: { id, slug: `erased-${id}`, host: null },
    scimEnabled: false,
    scimToken: null,
  });
  expect(JSON.stringify(last)).not.toContain('gone');

  expect(await hub.rowsWith(neighbour)).toEqual(before);
  expect(hub.secretsManager.values(`stackflow/${neighbour}/okta`)).not.toEqual([]);
});

it('answers a repetition with the record, and gives the slug to another tenant', async () => {
  const id = await connected('again');
  await start('again');
  const done = await finish('again');
  expect(await finish('again')).toEqual(done);
  const { tenant } = await hub.create('again');
  expect(tenant.id).not.toBe(id);
  expect(await refusal(finish('again'))).toMatchObject({ code: 'conflict' });
});

it('erases nothing while Secrets Manager does not answer, and completes the erasure later', async () => {
  const id = await connected('later');
  await start('later');
  hub.secretsManager.mode = 'error';
  expect(await refusal(finish('later'))).toMatchObject({ status: 503, code: 'secret_store_unavailable' });
  expect((await hub.client.tenant('later')).id).toBe(id);
  hub.secretsManager.mode = 'ok';
  expect((await finish('later')).state).toBe('done');
});

it('does not let the role of the service erase a tenant that is not being erased, or hide an erasure', async () => {
  const { tenant } = await hub.create('safe');
  const { database } = hub.service;
  const refused = (sql: string) => expect(database.query(sql)).rejects.toThrow(/permission denied|is not being erased/);
  await refused(`select hub.erase_tenant('${tenant.id}', 10)`);
  await refused('delete from hub.erased_tenant');
  await refused('delete from hub.tenant_erasure');
  await refused(`update hub.tenant_erasure set requested_by = 'nobody'`);
  await refused('delete from hub.admin_audit');
});
