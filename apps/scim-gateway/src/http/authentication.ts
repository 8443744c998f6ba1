/**
 * Every SCIM request needs the token of a tenant that has SCIM switched on. The token is checked before the body is
 * read. Routing comes before this check, so that no spelling of a path avoids it.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CONFIG } from '#platform';
import { ScimError } from '#scim';
import { ScimTokenVerifier } from '#secrets';
import { TenantSettingsCache, type TenantCopy } from '#settings';
import { TokenUse } from '../activity/token-use.js';
import type { GatewayConfig } from '../config.js';
import { BasePaths } from './base-paths.js';
import { Budgets } from './budgets.js';

@Injectable()
export class ScimAuthentication {
  constructor(
    @Inject(CONFIG) private readonly config: GatewayConfig,
    private readonly verifier: ScimTokenVerifier,
    private readonly tenants: TenantSettingsCache,
    private readonly tokenUse: TokenUse,
    private readonly basePaths: BasePaths,
    private readonly budgets: Budgets,
  ) {}

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
    this.budgets.admit(request.scim, bodyBytes(request));
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

/** The announced length of the body. Undefined means that the body comes in chunks of unknown number. */
function bodyBytes({ headers }: FastifyRequest): number | undefined {
  const length = headers['content-length'] ?? (headers['transfer-encoding'] === undefined ? 0 : undefined);
  return length === undefined ? undefined : Number(length);
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
