/** The example service of another team, in this process, beside a running stack. */
import { AccessGuard, type CallerAccess } from '#access-guard';
import { startExample } from '../support/example-service.js';
import { until } from '../support/waiting.js';
import type { TestStack } from '../support/stack.js';

export interface ExampleService {
  /** Status and body of `GET /incidents` with this access token. */
  incidents(accessToken: string): Promise<{ status: number; body: Record<string, unknown> }>;
  /** The result of the guard for the token; rejects with `AccessDenied`. */
  caller(accessToken: string): Promise<CallerAccess>;
  stop(): Promise<void>;
}

export async function startExampleService(stack: TestStack, audience: string): Promise<ExampleService> {
  const { postgres, cognito, carrier } = stack.description;
  const example = await startExample(postgres, {
    EVENT_CARRIER: carrier,
    TOKEN_ISSUER: `https://cognito-idp.${cognito.region}.amazonaws.com/${cognito.userPoolId}`,
    TOKEN_CLIENT_IDS: cognito.clientId ?? '',
    TOKEN_JWKS_URI: cognito.jwksUri,
    TOKEN_AUDIENCE: audience,
  });
  const { app } = example;
  const ready = async (): Promise<boolean> => (await app.inject({ url: '/health/ready' })).statusCode === 200;
  await until('the example service is ready', ready, 60_000);
  return {
    incidents: async (token) => {
      const answer = await app.inject({ url: '/incidents', headers: { authorization: `Bearer ${token}` } });
      return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
    },
    caller: (token) => app.get(AccessGuard).authorize(`Bearer ${token}`),
    stop: () => example.stop(),
  };
}
