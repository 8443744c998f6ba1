/** What operators send to `/internal/obo`, checked. */
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { createPublicKey } from 'node:crypto';
import type { JSONWebKeySet, JWK } from 'jose';
import { TOKEN_KINDS, type TokenKind } from './clients.js';

export class ClientPath {
  @Matches(/^[a-z0-9][a-z0-9._-]{0,63}$/, { message: 'id must be up to 64 of a-z, 0-9, ".", "_" and "-"' })
  id!: string;
}

/** For the audit. */
export class ByOperator {
  @IsOptional()
  @Matches(/^[^\p{Cc}]{1,100}$/u, { message: 'by must be up to 100 characters' })
  by?: string;
}

export class ClientBody extends ByOperator {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10_000)
  @IsUUID(undefined, { each: true })
  tenants!: string[];

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @Matches(/^[\x21-\x7e]{1,256}$/, { each: true, message: 'audiences must be up to 256 visible characters each' })
  audiences!: string[];

  @IsArray()
  @ArrayMinSize(1)
  @IsIn(TOKEN_KINDS, { each: true })
  tokenKinds!: TokenKind[];

  /** Public keys: the client authenticates by private_key_jwt, and has no secret. */
  @IsOptional()
  @IsObject()
  jwks?: JSONWebKeySet;
}

const LONGEST_GRACE_MS = 30 * 86_400_000;

export class RotationBody extends ByOperator {
  /** How long the secret in force stays valid. */
  @IsInt()
  @Min(0)
  @Max(LONGEST_GRACE_MS)
  graceMs!: number;
}

export class SourceBody extends ByOperator {
  @IsString()
  @MaxLength(512)
  issuer!: string;

  @Matches(/^[\x21-\x7e]{1,512}$/, { message: 'audience must be the audience of the custom authorization server' })
  audience!: string;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @Matches(/^[\x21-\x7e]{1,128}$/, { each: true, message: 'clientIds must be client ids of Okta, 0oa...' })
  clientIds!: string[];

  @Matches(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, { message: 'scope must be one scope' })
  scope!: string;
}

const MAX_KEYS = 10;
const RSA_BITS = 2_048;

/** Keys that an assertion can be verified with (ES256, RS256, PS256), told apart by `kid` where there are several. */
export function isClientJwks({ keys }: JSONWebKeySet): boolean {
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_KEYS || !keys.every(isUsable)) return false;
  const kids = keys.map(({ kid }) => kid);
  return keys.length === 1 || (kids.every((kid) => typeof kid === 'string') && new Set(kids).size === kids.length);
}

function isUsable(jwk: JWK): boolean {
  try {
    // A private key parses as well, and must not be stored.
    if ('d' in jwk) return false;
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey({ key: jwk, format: 'jwk' });
    return type === 'ec' ? jwk.crv === 'P-256' : type === 'rsa' && (details?.modulusLength ?? 0) >= RSA_BITS;
  } catch {
    return false;
  }
}
