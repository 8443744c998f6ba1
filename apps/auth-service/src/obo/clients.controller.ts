/** `/internal/obo`: which services may exchange tokens, and whose tokens of Okta a tenant takes. For operators. */
import { Body, Controller, Delete, Get, HttpCode, Param, Put } from '@nestjs/common';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  MaxLength,
} from 'class-validator';
import { createPublicKey } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { OidcError, OidcProvider } from '#okta';
import { InternalApi, Problem, TenantPath } from '#platform';
import { Clients, TOKEN_KINDS, type OboClient, type TokenKind } from './clients.js';

class ClientPath {
  @Matches(/^[a-z0-9][a-z0-9._-]{0,63}$/, { message: 'id must be up to 64 of a-z, 0-9, ".", "_" and "-"' })
  id!: string;
}

class ClientBody {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10_000)
  @IsUUID(undefined, { each: true })
  tenants!: string[];

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(512, { each: true })
  audiences!: string[];

  @IsArray()
  @ArrayMinSize(1)
  @IsIn(TOKEN_KINDS, { each: true })
  tokenKinds!: TokenKind[];

  /** Public keys: the client authenticates by private_key_jwt, and has no secret. */
  @IsOptional()
  @IsObject()
  jwks?: JSONWebKeySet;

  /** Replace the secret by a new one. */
  @IsOptional()
  @IsBoolean()
  newSecret?: boolean;
}

class SourceBody {
  @IsString()
  @MaxLength(512)
  issuer!: string;

  @IsString()
  @MaxLength(512)
  audience!: string;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @IsString({ each: true })
  clientIds!: string[];

  @Matches(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, { message: 'scope must be one scope' })
  scope!: string;
}

interface ClientView extends Pick<OboClient, 'id' | 'tenants' | 'audiences' | 'tokenKinds'> {
  readonly authentication: 'client_secret_basic' | 'private_key_jwt';
}

@InternalApi()
@Controller('internal')
export class ClientsController {
  constructor(
    private readonly clients: Clients,
    private readonly provider: OidcProvider,
  ) {}

  @Get('obo/clients')
  async list(): Promise<ClientView[]> {
    return (await this.clients.list()).map(viewOf);
  }

  /** A secret that was made is in this answer and nowhere else, ever. */
  @Put('obo/clients/:id')
  async put(@Param() { id }: ClientPath, @Body() body: ClientBody): Promise<{ clientSecret: string | null }> {
    if (body.jwks && !isPublic(body.jwks))
      throw new Problem('invalid_request', 'jwks must hold public keys (RFC 7517) and no private or symmetric one.');
    return { clientSecret: await this.clients.put(id, body, body.jwks ?? null, body.newSecret ?? false) };
  }

  @Delete('obo/clients/:id')
  @HttpCode(204)
  async remove(@Param() { id }: ClientPath): Promise<void> {
    if (!(await this.clients.remove(id))) throw new Problem('not_found', 'There is no such client.');
  }

  @Put('tenants/:tenant/obo/source')
  @HttpCode(204)
  async putSource(@Param() { tenant }: TenantPath, @Body() body: SourceBody): Promise<void> {
    try {
      this.provider.issuerIn(body.issuer);
    } catch (error) {
      if (error instanceof OidcError) throw new Problem('invalid_request', error.message);
      throw error;
    }
    await this.clients.putSource(tenant, body);
  }
}

function isPublic({ keys }: JSONWebKeySet): boolean {
  try {
    return keys.length > 0 && keys.every((key) => !('d' in key) && createPublicKey({ key, format: 'jwk' }) !== null);
  } catch {
    return false;
  }
}

const viewOf = ({ id, tenants, audiences, tokenKinds, jwks }: OboClient): ClientView => ({
  id,
  tenants,
  audiences,
  tokenKinds,
  authentication: jwks ? 'private_key_jwt' : 'client_secret_basic',
});
