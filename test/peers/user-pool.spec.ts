/**
 * The contract of the user pool, on the sandbox's Cognito and on npm `cognito-local`. A test that passes on both does
 * not rest on an assumption of the sandbox's authors.
 */
import {
  AdminInitiateAuthCommand,
  AdminRespondToAuthChallengeCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  GetTokensFromRefreshTokenCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { QuotaGate, UserPool } from '#cognito';
import { Database, Metrics } from '#platform';
import { CATEGORY_OF } from '../../libs/cognito/src/quotas.js';
import { Cognito } from '../support/identity-cognito.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { CognitoLocal, CREDENTIALS, peerSuite, REGION } from './cognito-local.js';
import { cognitoLocalDiffers, signInOperations } from './differences.js';
import { userPoolContract, type PoolUnderTest } from './user-pool-contract.js';
import { ownQuotas } from '../support/quotas.js';

interface Server {
  readonly url: string;
  readonly poolId: string;
  stop(): Promise<void>;
}

const cases = Object.keys(userPoolContract);
/** `CreateGroup: refuses an existing name` -> CreateGroup. */
const operationsOf = (name: string): string[] => name.replace(/:.*/, '').split(', ');

let test: TestDatabase;
let database: Database;
let server: Server;

beforeAll(async () => {
  test = await createTestDatabase();
  database = await Database.connect({ url: test.url('identity-service'), schema: 'identity' });
});
afterAll(async () => {
  await database.close();
  await test.drop();
});

/** Runs one case, and checks that it called the operations in its name. */
async function run(name: string): Promise<void> {
  const metrics = new Metrics('test', { process: false });
  const at = { region: REGION, endpoint: server.url, credentials: CREDENTIALS };
  const quota = new QuotaGate({ database, metrics, quotas: ownQuotas(1_000_000), share: 0.9 });
  const pool = new UserPool({ ...at, userPoolId: server.poolId, quota, metrics });
  const client = new CognitoIdentityProviderClient(at);
  const world: PoolUnderTest = { pool, client, poolId: server.poolId };
  try {
    await userPoolContract[name]?.(world);
  } finally {
    pool.close();
    client.destroy();
  }
  const counted = await metrics.registry.metrics();
  for (const operation of operationsOf(name).filter((o) => o in CATEGORY_OF))
    expect(counted).toContain(`operation="${operation}"`);
}

it('covers every Cognito operation that the product calls, except the sign-in operations', () => {
  const ours = Object.keys(CATEGORY_OF).filter((operation) => !signInOperations.includes(operation));
  expect(ours.filter((operation) => !cases.flatMap(operationsOf).includes(operation))).toEqual([]);
});

describe("the sandbox's Cognito", () => {
  beforeAll(async () => void (server = await Cognito.start(test)));
  afterAll(() => server.stop());

  it.each(cases)('%s', run);
});

peerSuite('cognito-local (skipped unless the packages of test/peers are installed)', () => {
  beforeAll(async () => void (server = await CognitoLocal.start()), 90_000);
  afterAll(() => server.stop());

  it.each(cases.filter((name) => !(name in cognitoLocalDiffers)))('%s', run);

  const differences = Object.entries(cognitoLocalDiffers).map(([name, difference]) => ({ name, ...difference }));
  it.each(differences)('fails "$name" on cognito-local: $why', async ({ name, shows }) => {
    expect(cases).toContain(name);
    await expect(run(name)).rejects.toThrow(shows);
  });

  it('has no sign-in operations that the product uses', async () => {
    const at = { region: REGION, endpoint: server.url, credentials: CREDENTIALS, maxAttempts: 1 };
    const client = new CognitoIdentityProviderClient(at);
    const UserPoolId = server.poolId;
    const made = await client.send(new CreateUserPoolClientCommand({ UserPoolId, ClientName: 'bridge' }));
    const ClientId = made.UserPoolClient?.ClientId;
    const pool = { UserPoolId, ClientId };
    const begin = { ...pool, AuthFlow: 'CUSTOM_AUTH', AuthParameters: { USERNAME: 'ada' } } as const;
    await expect(client.send(new AdminInitiateAuthCommand(begin))).rejects.toThrow(/unsupported/i);
    const answer = { ...pool, ChallengeName: 'CUSTOM_CHALLENGE' } as const;
    await expect(client.send(new AdminRespondToAuthChallengeCommand(answer))).rejects.toThrow(/unsupported/i);
    const refresh = { ClientId, RefreshToken: 'any' };
    await expect(client.send(new GetTokensFromRefreshTokenCommand(refresh))).rejects.toThrow(/unsupported/i);
    client.destroy();
  });
});
