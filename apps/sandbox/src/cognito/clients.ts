import { createHmac, randomBytes } from 'node:crypto';
import type { Database, Queryable } from '#platform';
import { AwsError, invalidParameter } from '../aws/aws-error.js';
import { LOWER_CASE, randomText, sameText } from '../text.js';
import type { CreateUserPoolClient } from './shapes.js';

export interface AppClient {
  readonly id: string;
  readonly poolId: string;
  readonly settings: CreateUserPoolClient;
  readonly secret: string | null;
  readonly created: number;
}

const CLIENT = `id, pool_id as "poolId", settings, secret, extract(epoch from created_at)::float8 as created`;

export async function insertClient(db: Queryable, input: CreateUserPoolClient): Promise<AppClient> {
  if (input.RefreshTokenRotation?.Feature === 'ENABLED' && input.ExplicitAuthFlows.includes('ALLOW_REFRESH_TOKEN_AUTH'))
    throw invalidParameter('ALLOW_REFRESH_TOKEN_AUTH is not permitted when refresh token rotation is enabled.');
  const [row] = await db.query<AppClient>(
    `insert into cognito_client (id, pool_id, settings, secret) values ($1, $2, $3, $4) returning ${CLIENT}`,
    [
      randomText(26, LOWER_CASE),
      input.UserPoolId,
      JSON.stringify(input),
      input.GenerateSecret ? randomText(52, LOWER_CASE) : null,
    ],
  );
  return row as AppClient;
}

export class AppClients {
  constructor(private readonly database: Database) {}

  /** Finds a client, in any pool if `poolId` is missing. Operations without AWS credentials name only the client. */
  async get(clientId: string, poolId?: string): Promise<AppClient> {
    const [client] = await this.database.query<AppClient>({
      name: 'get_client',
      text: `select ${CLIENT} from cognito_client where id = $1 and ($2::text is null or pool_id = $2)`,
      values: [clientId, poolId ?? null],
    });
    if (!client) throw new AwsError('ResourceNotFoundException', `User pool client ${clientId} does not exist.`);
    return client;
  }
}

/** The app client that the SSO bridge needs: custom authentication, a secret, short-lived access tokens. */
export const defaultClient = (poolId: string): CreateUserPoolClient => ({
  UserPoolId: poolId,
  ClientName: `stackflow-${randomBytes(3).toString('hex')}`,
  GenerateSecret: true,
  ExplicitAuthFlows: ['ALLOW_CUSTOM_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
  AccessTokenValidity: 5,
  IdTokenValidity: 5,
  RefreshTokenValidity: 1,
  TokenValidityUnits: { AccessToken: 'minutes', IdToken: 'minutes', RefreshToken: 'days' },
  AuthSessionValidity: 3,
  PreventUserExistenceErrors: 'ENABLED',
  EnableTokenRevocation: true,
  WriteAttributes: ['locale'],
});

export function clientView({ settings, ...client }: AppClient): object {
  const { GenerateSecret: _generated, ...shown } = settings;
  return {
    ...shown,
    UserPoolId: client.poolId,
    ClientId: client.id,
    ...(client.secret === null ? {} : { ClientSecret: client.secret }),
    CreationDate: client.created,
    LastModifiedDate: client.created,
  };
}

/** `SECRET_HASH` is base64(HMAC-SHA256(secret, username + client id)), see AWS, "Computing secret hash values". */
export function checkSecretHash(client: AppClient, username: string, given: string | undefined): void {
  if (client.secret === null) return;
  if (given === undefined)
    throw notAuthorized(`Client ${client.id} is configured with secret but SECRET_HASH was not received`);
  const hash = createHmac('sha256', client.secret)
    .update(username + client.id)
    .digest('base64');
  if (!sameText(hash, given)) throw notAuthorized(`Unable to verify secret hash for client ${client.id}`);
}

export const knowsSecret = (client: AppClient, given: string | undefined): boolean =>
  client.secret === null || (given !== undefined && sameText(client.secret, given));

export function checkFlow(client: AppClient, flow: 'CUSTOM_AUTH' | 'REFRESH_TOKEN_AUTH'): void {
  if (!client.settings.ExplicitAuthFlows.includes(`ALLOW_${flow}`))
    throw invalidParameter(
      flow === 'CUSTOM_AUTH' ? 'Custom auth flow not enabled for this client' : 'Auth flow not enabled for this client',
    );
}

const SECONDS = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 } as const;

/** Returns the lifetimes of tokens in seconds. Cognito's defaults are one hour and thirty days. */
export function tokenLifetimes({ settings }: AppClient): { access: number; id: number; refresh: number } {
  const units = settings.TokenValidityUnits ?? {};
  const of = (value: number | undefined, unit: keyof typeof SECONDS, fallback: number): number =>
    value ? value * SECONDS[unit] : fallback;
  return {
    access: of(settings.AccessTokenValidity, units.AccessToken ?? 'hours', 3600),
    id: of(settings.IdTokenValidity, units.IdToken ?? 'hours', 3600),
    refresh: of(settings.RefreshTokenValidity, units.RefreshToken ?? 'days', 30 * 86_400),
  };
}

export const notAuthorized = (message: string): AwsError => new AwsError('NotAuthorizedException', message);
