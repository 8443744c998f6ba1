/**
 * The SCIM token: `sfs1.<tenant id>.<32 random bytes>`, both parts base64url. The tenant id in it saves a search for
 * the tenant. Only the SHA-256 of the token is stored. A fast hash is enough, because nobody can guess 256 random bits.
 */
import { createHash, randomBytes } from 'node:crypto';

const TOKEN_FORMAT = /^sfs1\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface ParsedScimToken {
  readonly tenantId: string;
  readonly token: string;
}

export function generateScimToken(tenantId: string): string {
  if (!UUID.test(tenantId)) throw new TypeError(`not a tenant id: ${JSON.stringify(tenantId)}`);
  const tenant = Buffer.from(tenantId.replaceAll('-', ''), 'hex').toString('base64url');
  return `sfs1.${tenant}.${randomBytes(32).toString('base64url')}`;
}

/** Returns null if the text does not have the format of a token. The tenant id is not verified. */
export function parseScimToken(text: string): ParsedScimToken | null {
  const tenant = TOKEN_FORMAT.exec(text)?.[1];
  if (tenant === undefined) return null;
  const bytes = Buffer.from(tenant, 'base64url');
  // 22 characters have 132 bits, 4 more than a tenant id. Without this check, 16 texts would mean the same tenant.
  if (bytes.toString('base64url') !== tenant) return null;
  const hex = bytes.toString('hex');
  return { tenantId: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'), token: text };
}

/** Returns the SHA-256 of the token as lower-case hex. */
export const hashScimToken = (token: string): string => createHash('sha256').update(token).digest('hex');
