/**
 * Every SCIM request needs the token of a tenant that has SCIM switched on. The token is checked before the body is
 * read. Routing comes before this check, so that no spelling of a path avoids it.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CONFIG, RateLimit } from '#platform';
import { ScimError } from '#scim';
import { ScimTokenVerifier } from '#secrets';
import { TenantSettingsCache, type TenantCopy } from '#settings';
import { TokenUse } from '../activity/token-use.js';
import type { GatewayConfig } from '../config.js';
import { BasePaths } from './base-paths.js';

@Injectable()
export class ScimAuthentication {
  private readonly rateLimit: RateLimit;

  constructor(
    @Inject(CONFIG) private readonly config: GatewayConfig,
    private readonly verifier: ScimTokenVerifier,
    private readonly tenants: TenantSettingsCache,
    private readonly tokenUse: TokenUse,
    private readonly basePaths: BasePaths,
  ) {
    this.rateLimit = new RateLimit(config.SCIM_RATE_LIMIT_PER_SECOND, config.SCIM_RATE_LIMIT_BURST);
  }

  /** Sets the tenant in `request.scim`. Rejects with 401, 403, 429 or 503 if the request must be refused. */
  async authenticate(request: FastifyRequest): Promise<void> {
    const { authorization } = request.headers;
    const verified = await this.verifier.verify(authorization);
    const tenant = verified && (await this.tenants.get(verified.tenantId));
    if (!tenant || (await this.isHostOfAnother(request.hostname, tenant))) throw unauthorized(authorization);
    request.scim.tenantId = tenant.tenantId;
    request.scim.baseUrl = this.baseUrl(request, tenant);
    this.tokenUse.seen(tenant.tenantId);
    if (!tenant.settings.scimEnabled) throw switchedOff();
    const wait = this.rateLimit.take(tenant.tenantId);
    if (wait > 0) throw tooFast(wait, this.config.SCIM_RATE_LIMIT_PER_SECOND);
  }

  /**
   * True if the host name belongs to other tenants only. A token is also valid at hosts that belong to no tenant, e.g.
   * inside the cluster.
   */
  private async isHostOfAnother(host: string, { tenantId }: TenantCopy): Promise<boolean> {
    const owners = await this.tenants.ofHost(host);
    return owners.length > 0 && !owners.some((owner) => owner.tenantId === tenantId);
  }

  /** Returns the base URL for links. Never uses the Host header, because a client can put any host into it. */
  private baseUrl(request: FastifyRequest, tenant: TenantCopy): string {
    const origin = tenant.host === null ? this.config.PUBLIC_ORIGIN.replace(/\/$/, '') : `https://${tenant.host}`;
    return origin + this.basePaths.of(request.originalUrl);
  }
}

const unauthorized = (header: string | undefined) =>
  new ScimError(
    401,
    /^\s*Bearer\s+Bearer\b/i.test(header ?? '')
      ? 'The Authorization header begins with "Bearer Bearer": the identity provider adds "Bearer" by itself. In Okta, open Provisioning -> Integration and replace the text of the field with the SCIM token alone.'
      : 'The SCIM token is missing or not valid for this StackFlow instance. Generate a new token in Admin -> Integration Hub -> Okta -> SCIM Token. Then, in Okta, open Provisioning -> Integration and paste the token alone, without "Bearer".',
  );

const switchedOff = () =>
  new ScimError(
    403,
    'SCIM provisioning is switched off for this StackFlow instance. A super_admin can switch it on in Admin -> Integration Hub -> Okta -> SCIM Enabled.',
  );

const tooFast = (seconds: number, limit: number) =>
  new ScimError(
    429,
    `More than ${limit} requests per second were sent with this token. Repeat the request in ${seconds} s.`,
    { retryAfterSeconds: seconds },
  );
