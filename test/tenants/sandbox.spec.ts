/** The same commands against the sandbox's Secrets Manager, which keeps stages, versions and signatures as AWS does. */
import { sandboxMigrations as migrations } from '../../apps/sandbox/src/migrations/0001-sandbox.js';
import { createSecretsManager } from '../../apps/sandbox/src/secrets/secrets-manager.js';
import { createLogger, Database } from '#platform';
import { ScimTokenVerifier, scimTokenSecretName, SecretStore } from '#secrets';
import { HubUnderTest } from './hub.js';

const REGION = 'us-east-1';
const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };

let hub: HubUnderTest;
let database: Database;
let sandbox: Awaited<ReturnType<typeof createSecretsManager>>;
let endpoint: string;
let store: SecretStore;
beforeAll(async () => {
  hub = await HubUnderTest.start();
  database = await Database.connect({ url: hub.database.url('sandbox'), schema: 'sandbox', migrations });
  await database.migrate();
  sandbox = await createSecretsManager(database, createLogger('sandbox', 'silent'), REGION);
  endpoint = await sandbox.listen({ port: 0, host: '127.0.0.1' });
  store = new SecretStore({ region: REGION, endpoint, credentials });
});
afterAll(async () => {
  store.close();
  await sandbox.close();
  await database.close();
  await hub.stop();
});

const run = async (args: string) => {
  const env = { ...hub.env, SECRETS_MANAGER_ENDPOINT: endpoint, AWS_REGION: REGION };
  const { code, out, err } = await hub.run(`${args} --json`, env);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as { tenant: { id: string }; scimToken: string };
};

it('a token is issued, rotated with grace, rotated again and at last revoked', async () => {
  let now = Date.now();
  const verifier = new ScimTokenVerifier({ store, isKnownTenant: () => true, now: () => now });
  const which = async (token: string) => {
    now += 3_000; // past the pause between two looks for the same tenant
    return (await verifier.verify(`Bearer ${token}`))?.which;
  };

  const { tenant, scimToken: first } = await run('create acme');
  expect(await which(first)).toBe('current');

  const { scimToken: second } = await run('rotate-token acme --grace 2h');
  expect(await which(second)).toBe('current');
  expect(await which(first)).toBe('previous');

  const { scimToken: third } = await run('rotate-token acme --grace 2h');
  expect([await which(third), await which(second), await which(first)]).toEqual(['current', 'previous', 'previous']);

  const { scimToken: fourth } = await run('rotate-token acme --grace 0');
  expect([await which(fourth), await which(third), await which(second), await which(first)]).toEqual([
    'current',
    undefined,
    undefined,
    undefined,
  ]);
  expect(JSON.parse((await store.read(scimTokenSecretName(tenant.id), 'AWSPREVIOUS')) ?? '{}')).toHaveProperty('hash');
});

it('what does not exist is told apart from what cannot be asked', async () => {
  expect(await store.read('stackflow/none/scim-token')).toBeNull();
  const unreachable = new SecretStore({ region: REGION, endpoint: 'http://127.0.0.1:9', credentials, timeoutMs: 200 });
  await expect(unreachable.read('stackflow/none/scim-token')).rejects.toMatchObject({
    name: 'SecretStoreUnavailable',
    retryable: true,
  });
  unreachable.close();
});

it('a second creation of the same secret changes nothing', async () => {
  expect(await store.create('once', '1')).toBe(true);
  expect(await store.create('once', '2')).toBe(false);
  expect(await store.read('once')).toBe('1');
});
