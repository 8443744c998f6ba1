import { InvalidArgumentError } from 'commander';
import { collect, EXIT, flag, list, option, Refusal, textFrom, usage, type Call, type FlagsOf } from '#command-line';
import type { ExchangeClientBody, ExchangeClientView, Json, PublicJwks, TokenKind } from '#contracts';
import type { AuthServiceClient } from '#contracts/clients';
import { findTenant, type TargetFlags } from '../services.js';

type Policy = Omit<ExchangeClientBody, 'by'>;

const ACCESS_KINDS: readonly TokenKind[] = ['access_token', 'org_access_token'];
/** Access tokens of the org server name no audience of ours, so a client takes them only if it is said. */
const DEFAULT_KINDS: readonly TokenKind[] = ['access_token'];

export const policyOptions = {
  audience: option('--audience <name>', 'service that will accept the exchanged tokens (repeatable)', collect),
  kinds: option(
    '--kinds <kinds>',
    `access tokens that the client may exchange: ${ACCESS_KINDS.join(', ')}, or both; a new client: ${DEFAULT_KINDS.join(', ')}`,
    kinds,
  ),
  idTokens: flag('--id-tokens', 'let the client exchange ID tokens as well, each once and within five minutes'),
  noIdTokens: flag('--no-id-tokens', 'do not let the client exchange ID tokens'),
  jwksFile: option(
    '--jwks-file <file>',
    'file with public keys (JWKS); the client then authenticates with private_key_jwt and has no secret',
  ),
};
type PolicyFlags = TargetFlags & FlagsOf<typeof policyOptions>;

function kinds(value: string): TokenKind[] {
  const named = list(value);
  const known = ACCESS_KINDS.filter((kind) => named.includes(kind));
  if (known.length === named.length) return known;
  throw new InvalidArgumentError(`Write ${ACCESS_KINDS.join(', ')}, or both. To allow ID tokens, use --id-tokens.`);
}

export async function newPolicy(call: Call<PolicyFlags>, auth: AuthServiceClient): Promise<Policy> {
  const { tenant, audience, kinds: access = DEFAULT_KINDS, idTokens = false, jwksFile } = call.flags;
  if (!audience?.length)
    throw usage('error: name the service that will accept the exchanged tokens: --audience <name> (repeatable).');
  const jwks = jwksFile === undefined ? undefined : await readJwks(call, jwksFile);
  return {
    tenants: await tenantIds(auth, tenant),
    audiences: [...audience],
    tokenKinds: [...access, ...(idTokens ? (['id_token'] as const) : [])],
    ...(jwks && { jwks }),
  };
}

/** Options that are left out change nothing. */
export async function changedPolicy(
  call: Call<PolicyFlags>,
  auth: AuthServiceClient,
  client: Json<ExchangeClientView>,
): Promise<Policy> {
  const { tenant, audience, kinds: named, idTokens, jwksFile } = call.flags;
  if ([tenant, audience, named, idTokens, jwksFile].every((flag) => flag === undefined))
    throw usage(
      'error: say what to change: --tenant, --audience, --kinds, --id-tokens, --no-id-tokens or --jwks-file.',
    );
  const access = named ?? client.tokenKinds.filter((kind) => kind !== 'id_token');
  const takesIdTokens = idTokens ?? client.tokenKinds.includes('id_token');
  const jwks = jwksFile === undefined ? client.jwks : await readJwks(call, jwksFile);
  return {
    tenants: tenant === undefined ? [...client.tenants] : await tenantIds(auth, tenant),
    audiences: [...(audience ?? client.audiences)],
    tokenKinds: [...access, ...(takesIdTokens ? (['id_token'] as const) : [])],
    ...(jwks && { jwks }),
  };
}

async function tenantIds(auth: AuthServiceClient, names: string | undefined): Promise<string[]> {
  if (names === undefined) return [(await findTenant(auth, undefined)).id];
  const ids: string[] = [];
  for (const name of list(names)) ids.push((await findTenant(auth, name)).id);
  return ids;
}

async function readJwks({ stdin }: Call<PolicyFlags>, file: string): Promise<PublicJwks> {
  const text = await textFrom(file, stdin);
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    const isKey = (key: unknown): boolean => typeof (key as { kty?: unknown } | null)?.kty === 'string';
    if (Array.isArray(keys) && keys.length > 0 && keys.every(isKey)) return { keys: keys as PublicJwks['keys'] };
  } catch {
    // Refused below.
  }
  throw new Refusal(`${file} is not a JWKS. It must contain {"keys": [...]} with public keys (RFC 7517).`, EXIT.usage);
}
