/** Flags of the command line -> the whole client as it shall be. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CliError, EXIT } from '#platform';
import { TOKEN_KINDS, type TokenKind } from '#contracts';
import type { Client, ExchangeAdmin, Wanted } from './client.js';

export interface PolicyFlags {
  tenant?: string;
  audience?: string[];
  kinds?: TokenKind[];
  idTokens?: boolean;
  jwksFile?: string;
}

const jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

/** Of a client that is new. */
export async function policyOf(admin: ExchangeAdmin, flags: PolicyFlags): Promise<Wanted> {
  const { audience, kinds = TOKEN_KINDS.slice(1), idTokens = false, jwksFile } = flags;
  if (!audience?.length)
    throw new CliError('Name what the tokens are for: --audience <name>, e.g. the service that is called.', EXIT.usage);
  return {
    tenants: await tenantIds(admin, flags.tenant),
    audiences: audience,
    tokenKinds: [...kinds, ...(idTokens ? (['id_token'] as const) : [])],
    ...(jwksFile !== undefined && { jwks: await readJwks(jwksFile) }),
  };
}

/** What is not named stays as it is. */
export async function changeClient(admin: ExchangeAdmin, client: Client, flags: PolicyFlags): Promise<Wanted> {
  const { tenant, audience, kinds, idTokens, jwksFile } = flags;
  const access = kinds ?? client.tokenKinds.filter((kind) => kind !== 'id_token');
  const takesIdTokens = idTokens ?? client.tokenKinds.includes('id_token');
  const keys = jwksFile === undefined ? client.jwks : await readJwks(jwksFile);
  return {
    tenants: tenant === undefined ? [...client.tenants] : await tenantIds(admin, tenant),
    audiences: audience ?? [...client.audiences],
    tokenKinds: [...access, ...(takesIdTokens ? (['id_token'] as const) : [])],
    ...(keys && { jwks: keys as Wanted['jwks'] & object }),
  };
}

async function tenantIds(admin: ExchangeAdmin, names: string | undefined): Promise<string[]> {
  if (names === undefined) return [(await admin.tenant(undefined)).id];
  const ids: string[] = [];
  for (const name of names.split(',')) ids.push((await admin.tenant(name.trim())).id);
  return ids;
}

async function readJwks(file: string): Promise<Wanted['jwks'] & object> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`The file ${file} cannot be read (${error.code ?? error.message}).`, EXIT.usage);
  });
  try {
    return jwks.parse(JSON.parse(text));
  } catch {
    throw new CliError(`${file} is no JWKS: there must be {"keys": [...]} with public keys (RFC 7517).`, EXIT.usage);
  }
}
