import type { FastifyInstance } from 'fastify';
import type { Database, Logger } from '#platform';
import { z } from 'zod';
import { awsRoutes, operation, type AwsService, type Operation } from '../aws/aws-listener.js';
import { CallLog } from '../control/call-log.js';
import { controlRoutes } from '../control/control-routes.js';
import { Faults } from '../control/faults.js';
import { createListener, parseControl } from '../listener.js';
import { serveFirstPage } from '../page.js';
import { textOf } from '../text.js';
import { AppClients, clientView, insertClient } from './clients.js';
import { CustomAuth } from './custom-auth.js';
import { discoveryRoutes } from './discovery.js';
import { groupOperations } from './groups.js';
import { usernameKey, Pools, type DefaultPool } from './pools.js';
import { CognitoQuotas, quotaChange, tooManyRequests, type Quotas, type SignOutCategory } from './quotas.js';
import * as shape from './shapes.js';
import { signInOperations } from './sign-in.js';
import { SigningKeys } from './signing-keys.js';
import { TokenIssuer } from './token-issuer.js';
import { TriggerRunner, type Triggers } from './triggers.js';
import { userOperations, userView } from './users.js';
import { DUMP_USERS, type UserRow } from './users.sql.js';

export interface Cognito {
  readonly app: FastifyInstance;
  readonly defaultPool: DefaultPool;
}

export interface CognitoOptions {
  readonly region: string;
  readonly quotas: Quotas;
  /** The quota category of sign-outs. The default is UserUpdate. */
  readonly signOutCategory?: SignOutCategory | undefined;
  /** Custom attributes of the default pool, without the prefix `custom:`. */
  readonly customAttributes: readonly string[];
  /** Handlers of the Cognito triggers, instead of the product's own. Without any handlers, every sign-in fails. */
  readonly triggers?: Triggers | undefined;
  /** Time limit of a trigger in milliseconds. Tests shorten it. */
  readonly triggerLimitMs?: number | undefined;
}

const nameIn = (parameters: unknown): string | null =>
  typeof parameters === 'object' && parameters !== null && 'USERNAME' in parameters
    ? textOf(parameters.USERNAME)
    : null;

export async function createCognito(database: Database, logger: Logger, options: CognitoOptions): Promise<Cognito> {
  const pools = new Pools(database, options.region);
  const defaultPool = await pools.ensureDefault(options.customAttributes);
  const clients = new AppClients(database);
  const quotas = new CognitoQuotas(options.quotas, options.signOutCategory ?? 'UserUpdate');
  const keys = new SigningKeys(database, options.region);
  const triggers = new TriggerRunner(options.triggers, options.triggerLimitMs);
  const tokens = new TokenIssuer(database, keys, triggers);
  const customAuth = new CustomAuth(database, triggers, tokens);
  const service: AwsService = {
    signingName: 'cognito-idp',
    targetPrefix: 'AWSCognitoIdentityProviderService',
    operations: {
      ...poolOperations(database, pools, clients),
      ...groupOperations(database, pools),
      ...userOperations(database, pools),
      ...signInOperations({ database, pools, clients, keys, tokens, customAuth }),
    },
    throttleError: tooManyRequests,
    subjectOf: (input) => ({
      scope: textOf(input.UserPoolId),
      subject: textOf(input.Username) ?? nameIn(input.AuthParameters) ?? nameIn(input.ChallengeResponses),
      group: textOf(input.GroupName),
    }),
    admit: (name, subject) => quotas.admit(name, subject),
    faults: new Faults(),
    calls: new CallLog(),
  };
  const app = createListener();
  serveFirstPage(app, {
    product: 'Sandbox Cognito',
    about:
      'This server stands in for Amazon Cognito on this machine. It speaks the protocol of the AWS SDK; any access key is accepted.',
    commands: {
      'npm run stackflow -- accounts list': 'shows the accounts whose users are in this user pool',
      'npm run stackflow -- accounts reconcile': 'compares the accounts with this user pool',
    },
    paths: {
      '/sandbox/users': 'the users with their attributes and groups',
      '/sandbox/calls': 'the last calls with times and outcomes',
      '/sandbox/quotas': 'the quotas in requests per second',
      [`/${defaultPool.userPoolId}/.well-known/jwks.json`]: 'the public keys of the tokens',
    },
  });
  await app.register((scope) => awsRoutes(scope, service, logger));
  controlRoutes(app, service.faults, service.calls);
  discoveryRoutes(app, pools, keys);
  cognitoControlRoutes(app, database, pools, quotas, defaultPool);
  return { app, defaultPool };
}

const poolOperations = (database: Database, pools: Pools, clients: AppClients): Record<string, Operation> => ({
  CreateUserPool: operation(shape.createUserPool, async (input) => ({
    UserPool: pools.describe(await pools.create(input), 0),
  })),
  DescribeUserPool: pools.operation(shape.inPool, async (_input, pool) => ({ UserPool: await pools.view(pool) })),
  CreateUserPoolClient: pools.operation(shape.createUserPoolClient, async (input) => ({
    UserPoolClient: clientView(await insertClient(database, input)),
  })),
  DescribeUserPoolClient: pools.operation(shape.aboutClient, async (input, pool) => ({
    UserPoolClient: clientView(await clients.get(input.ClientId, pool.id)),
  })),
});

const dumpQuery = z.object({
  pool: z.string().optional(),
  username: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(100_000).default(10_000),
});

function cognitoControlRoutes(
  app: FastifyInstance,
  database: Database,
  pools: Pools,
  quotas: CognitoQuotas,
  defaultPool: DefaultPool,
): void {
  app.get('/sandbox/pool', () => defaultPool);
  app.get('/sandbox/quotas', () => ({ quotas: quotas.current }));
  app.put('/sandbox/quotas', (request) => {
    quotas.change(parseControl(quotaChange, request.body));
    return { quotas: quotas.current };
  });
  app.delete('/sandbox/quotas', () => {
    quotas.reset();
    return { quotas: quotas.current };
  });
  app.get('/sandbox/users', async (request) => {
    const query = parseControl(dumpQuery, request.query);
    const pool = await pools.get(query.pool ?? defaultPool.userPoolId);
    const key = query.username === undefined ? null : usernameKey(pool, query.username);
    const rows = await database.query<UserRow & { groups: string[]; signed_out: number | null }>(DUMP_USERS, [
      pool.id,
      key,
      query.limit,
    ]);
    return { users: rows.map((row) => ({ ...userView(row), Groups: row.groups, SignedOutAt: row.signed_out })) };
  });
}
