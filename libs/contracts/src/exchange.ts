/** auth-service's internal API for the clients and the authorization servers of the token exchange. */
import { IntersectionType } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { Instant, Nested, NestedList, OneOf, OneOfList, Shape, Text, TextList, UuidList, Whole } from './fields.js';

export const TOKEN_KINDS = ['id_token', 'access_token', 'org_access_token'] as const;
/**
 * `access_token`: an access token of the tenant's custom authorization server. `org_access_token`: an access token of
 * the tenant's Okta org.
 */
export type TokenKind = (typeof TOKEN_KINDS)[number];

export const CLIENT_AUTHENTICATIONS = ['client_secret_basic', 'private_key_jwt'] as const;
export type ExchangeClientAuthentication = (typeof CLIENT_AUTHENTICATIONS)[number];

/** RFC 7517. */
export interface PublicJwks {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

const LONGEST_GRACE_MS = 30 * 86_400_000;
const VISIBLE = /^[\x21-\x7e]+$/;
/** A comma is refused, because it is probably meant to separate two audiences. */
const AUDIENCE = /^[\x21-\x2b\x2d-\x7e]+$/;

export class ExchangeClientPath {
  @Matches(/^[a-z0-9][a-z0-9._-]{0,63}$/, {
    message: 'id must be 1 to 64 characters of a-z, 0-9, ".", "_" and "-", and begin with a letter or digit',
  })
  @Text({ max: 64, description: 'Client id that the calling service sends to the token endpoint.' })
  id!: string;
}

export class ChangedBy {
  @Matches(/^\P{Cc}+$/u, { message: 'by must not contain control characters' })
  @Text({ optional: true, max: 100, description: 'The person who makes the change; recorded in the audit.' })
  by?: string;
}

export class ExchangeClientBody extends ChangedBy {
  @UuidList({ minItems: 1, maxItems: 10_000, description: 'Tenants whose people the client may act for.' })
  tenants!: string[];

  @Matches(AUDIENCE, {
    each: true,
    message: 'audiences must consist of visible ASCII characters without a comma; name each audience separately',
  })
  @TextList({ minItems: 1, maxItems: 100, description: 'Services that the client may request tokens for.' })
  audiences!: string[];

  @OneOfList(TOKEN_KINDS, { minItems: 1, description: 'Kinds of Okta tokens that the client may exchange.' })
  tokenKinds!: TokenKind[];

  @Shape({
    optional: true,
    description:
      'JWKS (RFC 7517) with the public keys of the client. If it is given, the client authenticates with private_key_jwt.',
  })
  jwks?: PublicJwks;
}

export class ExchangeClientView {
  @Text({ max: 64 }) id!: string;
  @UuidList() tenants!: string[];
  @TextList() audiences!: string[];
  @OneOfList(TOKEN_KINDS) tokenKinds!: TokenKind[];
  @OneOf(CLIENT_AUTHENTICATIONS) authentication!: ExchangeClientAuthentication;

  @Shape({
    nullable: true,
    description: 'Public keys of the client. Null means that the client authenticates with a secret.',
  })
  jwks!: PublicJwks | null;

  @Instant({
    nullable: true,
    description: 'Time until which the previous secret is valid. Null means that only the current secret is valid.',
  })
  previousSecretValidUntil!: Date | null;

  @TextList({
    description:
      'Token endpoints of the client: one for each of its tenants whose settings have arrived at auth-service.',
  })
  endpoints!: string[];
}

export class ExchangeClientList {
  @NestedList(() => ExchangeClientView) clients!: ExchangeClientView[];
}

export class ExchangeClientSecret {
  @Text({
    nullable: true,
    description: 'The new secret, which is returned only once. Null means that no secret was created.',
  })
  clientSecret!: string | null;
}

export class SecretRotationBody extends ChangedBy {
  @Whole({ max: LONGEST_GRACE_MS, description: 'Milliseconds for which the current secret stays valid.' })
  graceMs!: number;
}

export class RotatedSecret {
  @Text({ description: 'The new secret, which is returned only once.' }) clientSecret!: string;

  @Instant({
    nullable: true,
    description: 'Time until which the previous secret is valid. Null means that it is no longer valid.',
  })
  previousSecretValidUntil!: Date | null;
}

/** The custom authorization server whose access tokens a tenant accepts for exchange. */
export class ExchangeSource {
  @Text({ max: 512, example: 'https://your-org.okta.com/oauth2/default' }) issuer!: string;

  @Matches(VISIBLE, { message: 'audience must consist of visible ASCII characters' })
  @Text({ max: 512, example: 'api://default' })
  audience!: string;

  @Matches(VISIBLE, { each: true, message: 'clientIds must be client ids of Okta, for example 0oa1example' })
  @TextList({ minItems: 1, maxItems: 100, max: 128, description: 'Okta apps whose access tokens are accepted.' })
  clientIds!: string[];

  @Matches(/^[\x21\x23-\x5b\x5d-\x7e]+$/, { message: 'scope must be a single scope' })
  @Text({ max: 128, description: 'Scope that an access token must have.' })
  scope!: string;
}

export class ExchangeSourceBody extends IntersectionType(ExchangeSource, ChangedBy) {}

export class ExchangeSourceView {
  @Nested(() => ExchangeSource, { nullable: true, description: 'Null means that the tenant has no such server.' })
  source!: ExchangeSource | null;
}
