/** Manages the services that may exchange tokens, and the custom authorization servers of tenants. */
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse } from '@nestjs/swagger';
import {
  ChangedBy,
  ExchangeClientBody,
  ExchangeClientList,
  ExchangeClientPath,
  ExchangeClientSecret,
  ExchangeClientView,
  ExchangeSourceBody,
  ExchangeSourceView,
  RotatedSecret,
  SecretRotationBody,
  TenantPath,
  type PublicJwks,
} from '#contracts';
import { OidcError, OidcProvider } from '#okta';
import { CalledBy, type Caller, InternalApi, Needs, Problem } from '#platform';
import { isClientJwks } from '../exchange/client-keys.js';
import { ExchangeClients, type ExchangeClient, type NewExchangeClient } from '../exchange/exchange-clients.js';
import { TOKEN_PATH } from '../exchange/exchange-request.js';
import { ExchangeSources } from '../exchange/exchange-sources.js';
import { Sites, type Site } from '../http/sites.js';

@InternalApi()
@Controller('internal')
export class ExchangeAdminController {
  constructor(
    private readonly clients: ExchangeClients,
    private readonly sources: ExchangeSources,
    private readonly sites: Sites,
    private readonly provider: OidcProvider,
  ) {}

  @Get('exchange/clients')
  @ApiOkResponse({ type: ExchangeClientList })
  async list(): Promise<ExchangeClientList> {
    const clients = await this.clients.list();
    return { clients: await Promise.all(clients.map((client) => this.viewOf(client))) };
  }

  @Get('exchange/clients/:id')
  @ApiOkResponse({ type: ExchangeClientView })
  async one(@Param() { id }: ExchangeClientPath): Promise<ExchangeClientView> {
    const client = await this.clients.find(id);
    if (!client) throw noClient(id);
    return this.viewOf(client);
  }

  @Post('exchange/clients/:id')
  @Needs('operate')
  @ApiCreatedResponse({ type: ExchangeClientSecret })
  async create(
    @Param() { id }: ExchangeClientPath,
    @Body() body: ExchangeClientBody,
    @CalledBy() caller: Caller,
  ): Promise<ExchangeClientSecret> {
    const clientSecret = await this.clients.create(newClientOf(id, body), caller.onBehalfOf(body.by));
    if (clientSecret === undefined) throw conflict(id, `The client "${id}" already exists.`);
    return { clientSecret };
  }

  @Put('exchange/clients/:id')
  @Needs('operate')
  @ApiOkResponse({ type: ExchangeClientSecret })
  async put(
    @Param() { id }: ExchangeClientPath,
    @Body() body: ExchangeClientBody,
    @CalledBy() caller: Caller,
  ): Promise<ExchangeClientSecret> {
    return { clientSecret: await this.clients.put(newClientOf(id, body), caller.onBehalfOf(body.by)) };
  }

  @Post('exchange/clients/:id/secret')
  @Needs('operate')
  @ApiCreatedResponse({ type: RotatedSecret })
  async rotate(
    @Param() { id }: ExchangeClientPath,
    @Body() body: SecretRotationBody,
    @CalledBy() caller: Caller,
  ): Promise<RotatedSecret> {
    const rotated = await this.clients.rotate(id, body.graceMs, caller.onBehalfOf(body.by));
    if (rotated) return rotated;
    if (await this.clients.find(id))
      throw conflict(id, `The client "${id}" authenticates with its own keys, so it has no secret to rotate.`);
    throw noClient(id);
  }

  @Delete('exchange/clients/:id')
  @Needs('operate')
  @HttpCode(204)
  @ApiNoContentResponse()
  async remove(
    @Param() { id }: ExchangeClientPath,
    @Query() { by }: ChangedBy,
    @CalledBy() caller: Caller,
  ): Promise<void> {
    if (!(await this.clients.remove(id, caller.onBehalfOf(by)))) throw noClient(id);
  }

  @Get('tenants/:tenant/exchange/source')
  @ApiOkResponse({ type: ExchangeSourceView })
  async source(@Param() { tenant }: TenantPath): Promise<ExchangeSourceView> {
    return { source: await this.sources.of(tenant) };
  }

  @Put('tenants/:tenant/exchange/source')
  @Needs('operate')
  @HttpCode(204)
  @ApiNoContentResponse()
  async putSource(
    @Param() { tenant }: TenantPath,
    @Body() body: ExchangeSourceBody,
    @CalledBy() caller: Caller,
  ): Promise<void> {
    const { issuer, audience, clientIds, scope } = body;
    checkIssuer(issuer, await this.sites.ofTenant(tenant), this.provider);
    await this.sources.put(tenant, { issuer, audience, clientIds, scope }, caller.onBehalfOf(body.by));
  }

  @Delete('tenants/:tenant/exchange/source')
  @Needs('operate')
  @HttpCode(204)
  @ApiNoContentResponse()
  async removeSource(
    @Param() { tenant }: TenantPath,
    @Query() { by }: ChangedBy,
    @CalledBy() caller: Caller,
  ): Promise<void> {
    if (!(await this.sources.remove(tenant, caller.onBehalfOf(by))))
      throw new Problem('not_found', 'This tenant has no custom authorization server.', undefined, { tenant });
  }

  private async viewOf(client: ExchangeClient): Promise<ExchangeClientView> {
    const { id, tenants, audiences, tokenKinds, jwks, previousValidUntil } = client;
    const sites = await Promise.all(tenants.map((tenant) => this.sites.ofTenant(tenant)));
    return {
      id,
      tenants,
      audiences,
      tokenKinds,
      authentication: jwks ? 'private_key_jwt' : 'client_secret_basic',
      jwks: jwks as PublicJwks | null,
      previousSecretValidUntil: previousValidUntil,
      endpoints: sites.filter((site) => site !== null).map(({ origin }) => `${origin}/${TOKEN_PATH}`),
    };
  }
}

const noClient = (client: string): Problem =>
  new Problem('not_found', `There is no such client: "${client}".`, undefined, { client });
const conflict = (client: string, detail: string): Problem => new Problem('conflict', detail, undefined, { client });

function newClientOf(id: string, { tenants, audiences, tokenKinds, jwks }: ExchangeClientBody): NewExchangeClient {
  if (jwks && !isClientJwks(jwks))
    throw new Problem(
      'invalid_request',
      'jwks must contain 1 to 10 public keys (RFC 7517) and no private key. Each key must be P-256, or RSA of at least 2048 bits. If there are several keys, each needs a different "kid".',
    );
  return { id, tenants, audiences, tokenKinds, jwks: jwks ? { keys: jwks.keys } : null };
}

/** The issuer must belong to the Okta org that the tenant signs in with: a person's id is unique only within an org. */
function checkIssuer(issuer: string, site: Site | null, provider: OidcProvider): void {
  try {
    provider.issuerIn(issuer);
  } catch (error) {
    if (error instanceof OidcError) throw new Problem('invalid_request', error.message);
    throw error;
  }
  const { sso } = site?.tenant.settings ?? {};
  if (sso && new URL(sso.issuer).origin !== new URL(issuer).origin)
    throw new Problem(
      'invalid_request',
      `The tenant signs in with ${sso.issuer}. The issuer must belong to the same Okta org.`,
    );
  if (new URL(issuer).pathname === '/')
    throw new Problem(
      'invalid_request',
      'The issuer must be a custom authorization server, e.g. https://your-org.okta.com/oauth2/default. Tokens of the org server need no settings.',
    );
}
