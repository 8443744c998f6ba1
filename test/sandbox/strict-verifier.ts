/** Names everything that is wrong with an ID token. Shares no code with the sandbox that issues the tokens. */
import { createHash, createPublicKey, verify } from 'node:crypto';
import type { JWK } from 'jose';

export interface Expected {
  readonly keys: readonly JWK[];
  readonly issuer: string;
  readonly clientId: string;
  readonly nonce: string;
  readonly accessToken: string;
}

type Json = Record<string, unknown>;
export const part = (token: string, index: 0 | 1): Json =>
  JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString('utf8')) as Json;

const REQUIRED = ['sub', 'iss', 'aud', 'exp', 'iat', 'jti', 'nonce', 'auth_time', 'at_hash', 'amr', 'idp', 'ver'];
const SKEW = 60;
const MAX_AGE = 600;

export function problemsOf(token: string, expected: Expected): string[] {
  const [header, claims] = [part(token, 0), part(token, 1)];
  const now = Math.floor(Date.now() / 1000);
  const { iss, aud, azp, exp, iat, nonce, at_hash: atHash, auth_time: authTime } = claims;
  const audiences = [aud].flat();
  const half = createHash('sha256').update(expected.accessToken).digest().subarray(0, 16).toString('base64url');
  const checks: Record<string, boolean> = {
    header: ['jku', 'jwk', 'x5u', 'crit'].every((name) => !(name in header)),
    iss: iss === undefined || iss === expected.issuer,
    aud: aud === undefined || audiences.includes(expected.clientId),
    azp: azp === undefined ? audiences.length === 1 : azp === expected.clientId,
    exp: exp === undefined || now <= Number(exp) + SKEW,
    iat: iat === undefined || (Number(iat) <= now + SKEW && Number(iat) >= now - MAX_AGE - SKEW),
    nonce: nonce === undefined || nonce === expected.nonce,
    at_hash: atHash === undefined || atHash === half,
    auth_time: authTime === undefined || Number(authTime) >= now - 3_600,
  };
  const broken = Object.entries(checks).filter(([, right]) => !right);
  const missing = REQUIRED.filter((name) => claims[name] === undefined);
  return [
    ...signature(token, header, expected.keys),
    ...broken.map(([name]) => name),
    ...missing.map((m) => `no ${m}`),
  ];
}

function signature(token: string, header: Json, keys: readonly JWK[]): string[] {
  if (header.alg !== 'RS256') return ['alg'];
  const key = keys.find((k) => k.kid === header.kid);
  if (!key) return ['kid'];
  return signedBy(token, key) ? [] : ['signature'];
}

export function signedBy(token: string, jwk: JWK): boolean {
  const [header = '', claims = '', signed = ''] = token.split('.');
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signed, 'base64url'));
}
