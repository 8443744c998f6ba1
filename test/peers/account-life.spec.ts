/**
 * The life of one account in Cognito, with the real identity-service, on the sandbox and on a pool of other authors.
 */
import { AdminDeleteUserCommand, CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { QuotaGate, UserPool, type PoolUser } from '#cognito';
import { Metrics } from '#platform';
import { DEFAULT_QUOTAS } from '../../libs/cognito/src/quotas.js';
import { IdentityRig } from '../support/identity.js';
import { CognitoLocal, CREDENTIALS, peerSuite, REGION } from './cognito-local.js';

interface Place {
  readonly url: string;
  readonly poolId: string;
}

const PATIENCE_MS = 60_000;

let rig: IdentityRig;
beforeAll(async () => void (rig = await IdentityRig.start()));
afterAll(() => rig.close());
afterEach(() => rig.stopService());

async function live({ url, poolId }: Place): Promise<void> {
  await rig.startService({ COGNITO_ENDPOINT: url, COGNITO_USER_POOL_ID: poolId });
  const at = { region: REGION, endpoint: url, credentials: CREDENTIALS };
  const metrics = new Metrics('test', { process: false });
  const quota = new QuotaGate({ database: rig.admin, metrics, quotas: DEFAULT_QUOTAS, share: 0.9 });
  const pool = new UserPool({ ...at, userPoolId: poolId, quota, metrics });
  const { directory } = rig;
  const tenant = await rig.addTenant();
  const [viewers, admins] = [
    await directory.addGroup(tenant, 'StackFlow-Viewers'),
    await directory.addGroup(tenant, 'StackFlow-Admins'),
  ];
  const ada = await directory.addPerson(tenant, 'ada');
  const settled = async (): Promise<PoolUser & { readonly groups: readonly string[] }> => {
    await rig.quiet(PATIENCE_MS);
    const user = await pool.getUser(ada.id);
    if (!user) throw new Error('the user is not in the pool');
    return { ...user, groups: (await pool.listGroupsForUser(ada.id)).sort() };
  };

  expect(await settled()).toMatchObject({
    status: 'CONFIRMED',
    enabled: true,
    groups: [],
    attributes: {
      'custom:tenant_id': tenant.id,
      'custom:external_id': ada.externalId,
      email: 'ada@example.com',
      preferred_username: 'ada@example.com',
    },
  });

  await directory.join(ada, viewers);
  await directory.join(ada, admins);
  expect(await settled()).toMatchObject({
    groups: ['super_admin', 'viewer'],
    attributes: { 'custom:role': 'super_admin' },
  });

  await directory.update(ada, { userName: 'ada.king@example.com', email: 'ada.king@example.com', displayName: null });
  await directory.leave(ada, admins);
  const renamed = await settled();
  expect(renamed).toMatchObject({
    username: ada.id,
    groups: ['viewer'],
    attributes: { email: 'ada.king@example.com', preferred_username: 'ada.king@example.com', 'custom:role': 'viewer' },
  });

  // The calls that deactivation-worker makes, through the class that it uses.
  await pool.disableUser(ada.id);
  await directory.setActive(ada, false);
  const closed = await settled();
  expect(closed).toMatchObject({ enabled: false, groups: [] });
  expect(closed.attributes).not.toHaveProperty('custom:role');

  await pool.enableUser(ada.id);
  await directory.setActive(ada, true);
  expect(await settled()).toEqual(renamed);

  await directory.remove(ada);
  expect(await settled()).toMatchObject({ groups: [], attributes: { 'custom:tenant_id': tenant.id } });

  const client = new CognitoIdentityProviderClient(at);
  await client.send(new AdminDeleteUserCommand({ UserPoolId: poolId, Username: ada.id }));
  await rig.http('POST', `/internal/tenants/${tenant.id}/accounts/${ada.id}/retry`);
  await rig.quiet(PATIENCE_MS);
  // Deletion is final: later calls do not create the account again.
  expect(await pool.getUser(ada.id)).toBeNull();
  client.destroy();
  pool.close();
}

it("on the sandbox's Cognito", () => live({ url: rig.cognito.url, poolId: rig.cognito.poolId }), 120_000);

peerSuite('on cognito-local (skipped unless the packages of test/peers are installed)', () => {
  let peer: CognitoLocal;
  beforeAll(async () => void (peer = await CognitoLocal.start()), 90_000);
  afterAll(() => peer.stop());

  it('on cognito-local', () => live(peer), 120_000);
});
