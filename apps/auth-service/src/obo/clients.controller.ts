/** `/internal/obo`: which services may exchange tokens, and whose tokens of Okta a tenant takes. For operators. */
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { OidcError, OidcProvider } from '#okta';
import { TenantPath } from '#contracts';
import { InternalApi, Problem } from '#platform';
import { Sites, type Site } from '../sites.js';
import { ByOperator, ClientBody, ClientPath, isClientJwks, RotationBody, SourceBody } from './admin-bodies.js';
import { Clients, type ExchangeSource, type OboClient } from './clients.js';
import { TOKEN_PATH } from './obo.controller.js';
import { Registry, type NewClient } from './registry.js';

export interface ClientView extends Pick<OboClient, 'id' | 'tenants' | 'audiences' | 'tokenKinds' | 'jwks'> {
  readonly authentication: 'client_secret_basic' | 'private_key_jwt';
  /** The one in force is a hash and not shown; until when the one before it is valid, if it is. */
  readonly previousSecretValidUntil: Date | null;
  /** Where it asks, for each tenant that this service knows. */
  readonly endpoints: readonly string[];
}

/** A secret that was made is in this answer and nowhere else, ever. */
export interface ClientSecret {
  readonly clientSecret: string | null;
}

const UNKNOWN_OPERATOR = 'unknown';
const noClient = (id: string): Problem =>
  new Problem('not_found', `There is no such client: "${id}". "list" shows all.`);

@InternalApi()
@Controller('internal')
export class ClientsController {
  constructor(
    private readonly clients: Clients,
    private readonly registry: Registry,
    private readonly sites: Sites,
    private readonly provider: OidcProvider,
  ) {}

  @Get('obo/clients')
  async list(): Promise<ClientView[]> {
    return Promise.all((await this.clients.list()).map((client) => this.viewOf(client)));
  }

  @Get('obo/clients/:id')
  async show(@Param() { id }: ClientPath): Promise<ClientView> {
    const client = await this.clients.find(id);
    if (!client) throw noClient(id);
    return this.viewOf(client);
  }

  @Post('obo/clients/:id')
  async create(@Param() { id }: ClientPath, @Body() body: ClientBody): Promise<ClientSecret> {
    const clientSecret = await this.registry.create(newClientOf(id, body), by(body));
    if (clientSecret === undefined)
      throw new Problem(
        'conflict',
        `There is a client "${id}" already; "change" alters it, "rotate-secret" makes a new secret.`,
      );
    return { clientSecret };
  }

  @Put('obo/clients/:id')
  async put(@Param() { id }: ClientPath, @Body() body: ClientBody): Promise<ClientSecret> {
    return { clientSecret: await this.registry.put(newClientOf(id, body), by(body)) };
  }

  @Post('obo/clients/:id/secret')
  async rotate(@Param() { id }: ClientPath, @Body() body: RotationBody) {
    const rotated = await this.registry.rotate(id, body.graceMs, by(body));
    if (rotated) return { clientSecret: rotated.clientSecret, previousSecretValidUntil: rotated.until };
    if (await this.clients.find(id))
      throw new Problem('conflict', `The client "${id}" has keys of its own and no secret.`);
    throw noClient(id);
  }

  @Delete('obo/clients/:id')
  @HttpCode(204)
  async remove(@Param() { id }: ClientPath, @Query() operator: ByOperator): Promise<void> {
    if (!(await this.registry.remove(id, by(operator)))) throw noClient(id);
  }

  @Get('tenants/:tenant/obo/source')
  async source(@Param() { tenant }: TenantPath): Promise<{ source: ExchangeSource | null }> {
    return { source: await this.clients.sourceOf(tenant) };
  }

  @Put('tenants/:tenant/obo/source')
  @HttpCode(204)
  async putSource(@Param() { tenant }: TenantPath, @Body() body: SourceBody): Promise<void> {
    const { issuer, audience, clientIds, scope } = body;
    checkIssuer(issuer, await this.sites.ofTenant(tenant), this.provider);
    await this.registry.putSource(tenant, { issuer, audience, clientIds, scope }, by(body));
  }

  @Delete('tenants/:tenant/obo/source')
  @HttpCode(204)
  async removeSource(@Param() { tenant }: TenantPath, @Query() operator: ByOperator): Promise<void> {
    if (!(await this.registry.removeSource(tenant, by(operator))))
      throw new Problem('not_found', 'No custom authorization server is named for this tenant.');
  }

  private async viewOf(client: OboClient): Promise<ClientView> {
    const { id, tenants, audiences, tokenKinds, jwks, previousValidUntil } = client;
    const sites = await Promise.all(tenants.map((tenant) => this.sites.ofTenant(tenant)));
    return {
      id,
      tenants,
      audiences,
      tokenKinds,
      authentication: jwks ? 'private_key_jwt' : 'client_secret_basic',
      jwks,
      previousSecretValidUntil: previousValidUntil,
      endpoints: sites.filter((site) => site !== null).map(({ origin }) => `${origin}/${TOKEN_PATH}`),
    };
  }
}

const by = ({ by: operator = UNKNOWN_OPERATOR }: ByOperator): string => operator;

function newClientOf(id: string, { tenants, audiences, tokenKinds, jwks }: ClientBody): NewClient {
  if (jwks && !isClientJwks(jwks))
    throw new Problem(
      'invalid_request',
      'jwks must hold up to ten public keys (RFC 7517), P-256 or RSA of at least 2048 bits, each with a "kid" of its own where there are several, and no private one.',
    );
  return { id, tenants, audiences, tokenKinds, jwks: jwks ? { keys: jwks.keys } : null };
}

/** Ids of people count within their org only, so the server has to be one of the org that the tenant signs in with. */
function checkIssuer(issuer: string, site: Site | null, provider: OidcProvider): void {
  try {
    provider.issuerIn(issuer);
  } catch (error) {
    if (error instanceof OidcError) throw new Problem('invalid_request', error.message);
    throw error;
  }
  const { sso } = site?.tenant.settings ?? {};
  if (sso && new URL(sso.issuer).origin !== new URL(issuer).origin)
    throw new Problem('invalid_request', `The tenant signs in with ${sso.issuer}; the issuer must be of the same org.`);
  if (new URL(issuer).pathname === '/')
    throw new Problem(
      'invalid_request',
      'The issuer must be a custom authorization server, e.g. https://your-org.okta.com/oauth2/default. Tokens of the org server need no settings.',
    );
}
