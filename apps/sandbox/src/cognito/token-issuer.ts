/** Issues tokens in three steps: runs the pre-token trigger, stores a revocable grant, and signs both tokens. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Database } from '#platform';
import type { PreTokenGenerationEvent } from '../../../cognito-triggers/src/events.js';
import { notAuthorized, tokenLifetimes, type AppClient } from './clients.js';
import type { ClientMetadata } from './shapes.js';
import type { SigningKeys } from './signing-keys.js';
import * as sql from './sign-in.sql.js';
import { SELF_SERVICE_SCOPE, tokenClaims } from './token-claims.js';
import { triggerEvent } from './trigger-event.js';
import type { TriggerAnswer, TriggerRunner } from './triggers.js';
import type { UserRow } from './users.sql.js';

const REFRESH_TOKEN_BYTES = 96;

export interface TokenSubject {
  readonly client: AppClient;
  readonly user: UserRow;
  readonly usernameKey: string;
}

interface Prepared {
  readonly groups: readonly sql.GroupOfUser[];
  readonly changes: TriggerAnswer<'PreTokenGeneration'>['claimsAndScopeOverrideDetails'];
}

interface Grant {
  readonly originJti: string;
  readonly authTime: number;
  readonly accessJti: string;
  readonly refreshToken: string | undefined;
}

export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
export const userDisabled = () => notAuthorized('User is disabled.');

export class TokenIssuer {
  constructor(
    private readonly database: Database,
    private readonly keys: SigningKeys,
    private readonly triggers: TriggerRunner,
  ) {}

  /** Issues the first tokens of a user who has just signed in. */
  async open(subject: TokenSubject, metadata: ClientMetadata): Promise<object> {
    const { client, user, usernameKey } = subject;
    const prepared = await this.prepare(subject, 'TokenGeneration_Authentication', metadata);
    const [originJti, accessJti, refreshToken] = [randomUUID(), randomUUID(), newRefreshToken()];
    const lifetime = tokenLifetimes(client).refresh;
    const values = [client.poolId, usernameKey, originJti, client.id, hashOf(refreshToken), lifetime, accessJti];
    const [row] = await this.database.query<{ auth_time: number }>(sql.OPEN_GRANT, values);
    if (!row) throw userDisabled();
    return this.sign({ client, user }, prepared, { originJti, accessJti, refreshToken, authTime: row.auth_time });
  }

  /** Issues tokens for a valid refresh token, and rotates it if the client requires rotation. */
  async extend(token: string, found: sql.RefreshRow, client: AppClient, metadata: ClientMetadata): Promise<object> {
    const subject = { client, user: found, usernameKey: found.username_key };
    const prepared = await this.prepare(subject, 'TokenGeneration_RefreshTokens', metadata);
    const [originJti, accessJti] = [found.origin_jti, randomUUID()];
    const rotation = client.settings.RefreshTokenRotation;
    const refreshToken = rotation?.Feature === 'ENABLED' ? newRefreshToken() : undefined;
    const rotated = refreshToken && [hashOf(token), hashOf(refreshToken), rotation?.RetryGracePeriodSeconds ?? 0];
    const rows = await this.database.query(rotated ? sql.ROTATE_GRANT : sql.EXTEND_GRANT, [
      originJti,
      accessJti,
      ...(rotated ?? []),
    ]);
    if (rows.length === 0) throw notAuthorized('Refresh Token has been revoked');
    return this.sign(subject, prepared, { originJti, accessJti, refreshToken, authTime: found.auth_time });
  }

  private async prepare(
    { client, user, usernameKey }: TokenSubject,
    triggerSource: PreTokenGenerationEvent['triggerSource'],
    clientMetadata: ClientMetadata,
  ): Promise<Prepared> {
    const groups = await this.database.query<sql.GroupOfUser>(sql.GROUPS_OF_USER, [client.poolId, usernameKey]);
    const roles = groups.flatMap((g) => g.role_arn ?? []);
    const { request, ...event } = triggerEvent(client, user.username, user, clientMetadata);
    const { claimsAndScopeOverrideDetails } = await this.triggers.run('PreTokenGeneration', {
      ...event,
      version: '2',
      triggerSource,
      request: {
        ...request,
        groupConfiguration: {
          groupsToOverride: groups.map((g) => g.name),
          iamRolesToOverride: roles,
          preferredRole: roles[0] ?? null,
        },
        scopes: [SELF_SERVICE_SCOPE],
      },
      response: { claimsAndScopeOverrideDetails: null },
    });
    return { groups, changes: claimsAndScopeOverrideDetails };
  }

  private async sign(
    { client, user }: Pick<TokenSubject, 'client' | 'user'>,
    { groups, changes }: Prepared,
    grant: Grant,
  ): Promise<object> {
    const lifetimes = tokenLifetimes(client);
    const claims = tokenClaims(
      {
        issuer: this.keys.issuer(client.poolId),
        clientId: client.id,
        user,
        groups: groups.map((g) => g.name),
        originJti: grant.originJti,
        authTime: Math.floor(grant.authTime),
        now: Math.floor(Date.now() / 1000),
        lifetimes,
        ids: { event: randomUUID(), id: randomUUID(), access: grant.accessJti },
      },
      changes,
    );
    const [AccessToken, IdToken] = await Promise.all([
      this.keys.sign(client.poolId, 'access', claims.access),
      this.keys.sign(client.poolId, 'id', claims.id),
    ]);
    return {
      AuthenticationResult: {
        AccessToken,
        IdToken,
        ExpiresIn: lifetimes.access,
        TokenType: 'Bearer',
        ...(grant.refreshToken === undefined ? {} : { RefreshToken: grant.refreshToken }),
      },
      ChallengeParameters: {},
    };
  }
}

const newRefreshToken = (): string => randomBytes(REFRESH_TOKEN_BYTES).toString('base64url');
