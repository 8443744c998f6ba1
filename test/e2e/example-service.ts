/** The example service of another team, in this process, beside a running stack: its own database role, the guard, nothing else. */
import { AccessGuard, type CallerAccess } from '#access-guard';
import { followerGrantsSql } from '#event-bus';
import {
  connectConsumer,
  createApplication,
  createLogger,
  Database,
  Health,
  loadConfig,
  Metrics,
  provisionDatabase,
} from '#platform';
import { service } from '../../examples/incident-service/src/service.js';
import { TEST_PASSWORD } from '../support/database.js';
import { eventually } from '../support/push.js';
import type { TestStack } from '../support/stack.js';

const ROLE = 'incident_service';

export interface ExampleService {
  /** Status and body of `GET /incidents` with this access token. */
  incidents(accessToken: string): Promise<{ status: number; body: Record<string, unknown> }>;
  /** What the guard makes of the token; rejects with `AccessDenied`. */
  caller(accessToken: string): Promise<CallerAccess>;
  stop(): Promise<void>;
}

export async function startExampleService(stack: TestStack, audience: string): Promise<ExampleService> {
  const { postgres, cognito, carrier } = stack.description;
  await provisionDatabase(
    postgres,
    [{ role: ROLE, schema: 'incidents', password: TEST_PASSWORD }],
    followerGrantsSql(ROLE),
  );
  const url = new URL(postgres);
  url.username = ROLE;
  url.password = TEST_PASSWORD;
  const config = loadConfig(service.name, service.config, {
    DATABASE_URL: url.href,
    EVENT_CARRIER: carrier,
    TOKEN_ISSUER: `https://cognito-idp.${cognito.region}.amazonaws.com/${cognito.userPoolId}`,
    TOKEN_CLIENT_IDS: cognito.clientId ?? '',
    TOKEN_JWKS_URI: cognito.jwksUri,
    TOKEN_AUDIENCE: audience,
  });
  const database = await Database.connect({ ...service.database, url: url.href });
  await database.migrate();
  const platform = {
    service: service.name,
    config,
    database,
    logger: createLogger(service.name, 'silent'),
    metrics: new Metrics(service.name, { process: false }),
    health: new Health(),
  };
  const app = await createApplication(service, platform);
  for (const strategy of service.strategies?.(platform) ?? []) connectConsumer(app, strategy);
  await app.startAllMicroservices();
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const ready = async (): Promise<true | undefined> =>
    (await app.inject({ url: '/health/ready' })).statusCode === 200 || undefined;
  await eventually('the example service is ready', ready, 60_000);
  return {
    incidents: async (token) => {
      const answer = await app.inject({ url: '/incidents', headers: { authorization: `Bearer ${token}` } });
      return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
    },
    caller: (token) => app.get(AccessGuard).authorize(`Bearer ${token}`),
    stop: async () => {
      await app.close();
      await database.close();
    },
  };
}
