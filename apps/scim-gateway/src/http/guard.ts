/**
 * The door: every request, to whatever path, needs the token of a tenant that has SCIM switched on. Runs as Fastify's
 * `onRequest` hook, that is after routing (so no spelling of a path goes around it), also for paths without a route,
 * and before a byte of the body is read. What needs no token is named by route, not by path.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { PLATFORM, RateLimit, type PlatformContext } from '#platform';
import { ScimError } from '#scim';
import type { TenantCopy } from '#settings';
import type { GatewayConfig } from '../config.js';
import { TokenUse } from '../requests/token-use.js';
import { Tenants } from '../tenants.js';

/** Checks the `Authorization` header; null = not a valid token; rejects when it cannot know. */
export interface TokenVerifier {
  verify(header: string | undefined): Promise<{ readonly tenantId: string } | null>;
}
export const TOKEN_VERIFIER = Symbol('token verifier');

/** Routes of the platform, reachable from inside the cluster only. */
const PUBLIC_ROUTES: ReadonlySet<string> = new Set(['/health/live', '/health/ready', '/metrics']);

@Injectable()
export class Guard {
  private readonly rateLimit: RateLimit;
  private readonly basePaths: readonly string[];

  constructor(
    @Inject(PLATFORM) private readonly platform: PlatformContext<GatewayConfig>,
    @Inject(TOKEN_VERIFIER) private readonly verifier: TokenVerifier,
    @Inject(Tenants) private readonly tenants: Tenants,
    @Inject(TokenUse) private readonly tokenUse: TokenUse,
  ) {
    const { config } = platform;
    this.rateLimit = new RateLimit(config.SCIM_RATE_LIMIT_PER_SECOND, config.SCIM_RATE_LIMIT_BURST);
    this.basePaths = basePaths(config);
  }

  isPublic(request: FastifyRequest): boolean {
    const route = request.routeOptions?.url;
    return route !== undefined && !request.is404 && PUBLIC_ROUTES.has(route);
  }

  /** Resolves when the request may go on; then it belongs to a tenant. */
  async admit(request: FastifyRequest): Promise<void> {
    const verified = await this.verifier.verify(request.headers.authorization);
    const tenant = verified && (await this.tenants.get(verified.tenantId));
    if (!tenant || this.tenants.isHostOfAnother(request.hostname, tenant.tenantId)) throw unauthorized();
    request.scim.tenantId = tenant.tenantId;
    request.scim.baseUrl = this.baseUrl(request, tenant);
    this.tokenUse.seen(tenant.tenantId);
    if (!tenant.settings.scimEnabled) throw switchedOff();
    const wait = this.rateLimit.take(tenant.tenantId);
    if (wait > 0) throw tooFast(wait, this.platform.config.SCIM_RATE_LIMIT_PER_SECOND);
  }

  /** From the tenant's settings or the configuration; the Host header is not to be trusted with links. */
  private baseUrl(request: FastifyRequest, tenant: TenantCopy): string {
    const origin =
      tenant.host === null ? this.platform.config.PUBLIC_ORIGIN.replace(/\/$/, '') : `https://${tenant.host}`;
    const path =
      this.basePaths.find((base) => request.originalUrl.startsWith(`${base}/`)) ?? this.basePaths[0] ?? CANONICAL_BASE;
    return origin + path;
  }
}

/** The prefix that the controllers are mounted at. */
export const CANONICAL_BASE = '/scim/v2';

export const basePaths = (config: Pick<GatewayConfig, 'SCIM_BASE_PATHS'>): readonly string[] => [
  ...new Set([...config.SCIM_BASE_PATHS.map((path) => `/${path.replace(/^\/+|\/+$/g, '')}`), CANONICAL_BASE]),
];

/** `/prod/api/scim/v2/Users?x` -> `/scim/v2/Users?x`; anything else stays as it is and finds no route. */
export function rewriteUrl(url: string, bases: readonly string[]): string {
  const base = bases.find((b) => url.startsWith(b) && /^([/?]|$)/.test(url.slice(b.length, b.length + 1)));
  return base === undefined ? url : CANONICAL_BASE + url.slice(base.length);
}

const unauthorized = () =>
  new ScimError(
    401,
    'The SCIM token is missing or not valid for this StackFlow instance. Copy it again, or generate a new one, in Admin -> Integration Hub -> Okta -> SCIM Token, and enter it in Okta under Provisioning -> Integration as "Bearer <token>".',
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
