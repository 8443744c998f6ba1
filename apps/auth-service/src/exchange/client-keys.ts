/** Checks the public keys of a client that authenticates by private_key_jwt. Pure functions only. */
import { createPublicKey } from 'node:crypto';
import type { JSONWebKeySet, JWK } from 'jose';
import type { PublicJwks } from '#contracts';

const MAX_KEYS = 10;
const RSA_BITS = 2_048;

/** Returns true if the keys can verify ES256, RS256 or PS256. Each of several keys needs a different `kid`. */
export function isClientJwks(jwks: PublicJwks): jwks is PublicJwks & JSONWebKeySet {
  const keys: unknown = jwks.keys;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_KEYS || !keys.every(isUsable)) return false;
  const kids = (keys as JWK[]).map(({ kid }) => kid);
  return keys.length === 1 || (kids.every((kid) => typeof kid === 'string') && new Set(kids).size === kids.length);
}

function isUsable(jwk: JWK): boolean {
  try {
    // `createPublicKey` also accepts a private key, which must not be stored.
    if ('d' in jwk) return false;
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey({ key: jwk, format: 'jwk' });
    return type === 'ec' ? jwk.crv === 'P-256' : type === 'rsa' && (details?.modulusLength ?? 0) >= RSA_BITS;
  } catch {
    return false;
  }
}
