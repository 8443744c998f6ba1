/** A token before it is signed. A test may have it signed with a forger's key. */
import { CompactSign, exportSPKI, importJWK, UnsecuredJWT, type CryptoKey, type JWTPayload } from 'jose';
import type { SigningKey } from './keys.js';

export interface Draft {
  readonly claims: JWTPayload;
  readonly header: { readonly alg: string; readonly [name: string]: unknown };
  readonly signedWith:
    | 'own-key'
    /** The signature is valid, but its key is not in the server's key set. */
    | 'foreign-key'
    /** The signature is an HMAC with the client's secret. */
    | 'client-secret'
    /** The signature is an HMAC whose secret is the text of the server's public key, which everybody knows. */
    | 'public-key'
    | 'nothing';
}

export interface Signers {
  readonly own: SigningKey;
  readonly foreign: SigningKey;
  readonly clientSecret: string | null;
}

export const draft = (claims: JWTPayload, { kid }: SigningKey): Draft => ({
  claims,
  header: { kid, alg: 'RS256' },
  signedWith: 'own-key',
});

export const signRightly = (right: Draft, own: SigningKey): Promise<string> => signWith(right, own.privateKey);

/** Signs a token with the key that the draft names, even if this key is wrong. */
export async function sign(spoilt: Draft, signers: Signers): Promise<string> {
  if (spoilt.signedWith === 'nothing') return new UnsecuredJWT(spoilt.claims).encode();
  return signWith(spoilt, await keyFor(spoilt.signedWith, signers));
}

function signWith({ claims, header }: Draft, key: CryptoKey | Uint8Array): Promise<string> {
  const token = new CompactSign(new TextEncoder().encode(JSON.stringify(claims)));
  token.setProtectedHeader(header);
  const critical = Array.isArray(header.crit) ? (header.crit as string[]) : [];
  const crit = Object.fromEntries(critical.map((name) => [name, true]));
  return token.sign(key, { crit });
}

async function keyFor(
  signedWith: Exclude<Draft['signedWith'], 'nothing'>,
  { own, foreign, clientSecret }: Signers,
): Promise<CryptoKey | Uint8Array> {
  switch (signedWith) {
    case 'own-key':
      return own.privateKey;
    case 'foreign-key':
      return foreign.privateKey;
    case 'client-secret':
      return new TextEncoder().encode(clientSecret ?? 'a client with keys of its own has no secret');
    case 'public-key': {
      const key = await importJWK(own.publicJwk, 'RS256', { extractable: true });
      return new TextEncoder().encode(await exportSPKI(key as CryptoKey));
    }
  }
}
