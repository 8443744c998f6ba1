/**
 * Authenticates a client by client_secret_basic (RFC 6749 section 2.3.1) or private_key_jwt (RFC 7523). All failures
 * have the same description, so that a caller cannot find out which client ids exist.
 */
import { Injectable } from '@nestjs/common';
import { timingSafeEqual } from 'node:crypto';
import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from 'jose';
import { ExchangeClients, secretHashOf, type ExchangeClient } from './exchange-clients.js';
import { ExchangeError, type ExchangeErrorCode } from './exchange-error.js';
import { malformed } from './exchange-request.js';
import { SpentTokens } from './spent-tokens.js';

export interface ClientCredentials {
  readonly authorization: string | undefined;
  readonly form: ReadonlyMap<string, string>;
}

/** Types of a client assertion. Another type says that the JWT is something else, such as an access token. */
const ASSERTION_TYPES: ReadonlySet<string> = new Set(['JWT', 'jwt', 'client-authentication+jwt']);
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const ALGORITHMS = ['ES256', 'RS256', 'PS256'];
const LIFETIME_SECONDS = 300;
const SKEW_SECONDS = 30;
/**
 * The secret of an unknown client is compared with this hash, so that the response takes as long as for a known client.
 */
const NO_HASH = Buffer.alloc(32);

@Injectable()
export class ClientAuthentication {
  constructor(
    private readonly clients: ExchangeClients,
    private readonly spent: SpentTokens,
  ) {}

  /** `endpoint` is the URL that an assertion must name as its audience. */
  async authenticate({ authorization, form }: ClientCredentials, endpoint: string): Promise<ExchangeClient> {
    const assertion = form.get('client_assertion');
    // RFC 6749 section 2.3: a request must not use more than one method.
    if (authorization !== undefined && (assertion !== undefined || form.has('client_secret')))
      throw malformed('The client authenticates in more than one way.');
    const client =
      assertion === undefined
        ? await this.bySecret(authorization)
        : await this.byAssertion(assertion, form.get('client_assertion_type'), endpoint);
    if ((form.get('client_id') ?? client.id) !== client.id)
      throw malformed('client_id does not name the client that authenticates.');
    return client;
  }

  private async bySecret(authorization: string | undefined): Promise<ExchangeClient> {
    const [id, secret] = basicOf(authorization) ?? [];
    const client = id === undefined ? null : await this.clients.find(id);
    const given = secretHashOf(secret ?? '');
    const [current, previous] = [client?.secretHash, client?.previousHash].map((hash) =>
      timingSafeEqual(given, hash ?? NO_HASH),
    );
    if (!client?.secretHash || !(current || previous)) throw refused('client_unknown', id);
    return client;
  }

  private async byAssertion(assertion: string, type: string | undefined, endpoint: string): Promise<ExchangeClient> {
    if (type !== ASSERTION_TYPE) throw malformed(`client_assertion_type must be ${ASSERTION_TYPE}.`);
    const id = issuerOf(assertion);
    const client = id === null ? null : await this.clients.find(id);
    if (!client?.jwks) throw refused('client_unknown', id ?? undefined);
    const { jti, exp } = await claimsOf(assertion, client.id, client.jwks, endpoint);
    if (!(await this.spent.spend('client_assertion', client.id, jti, exp)))
      throw refused('assertion_replayed', client.id);
    return client;
  }
}

async function claimsOf(assertion: string, id: string, jwks: JSONWebKeySet, endpoint: string) {
  const { payload, protectedHeader } = await jwtVerify(assertion, createLocalJWKSet(jwks), {
    algorithms: ALGORITHMS,
    issuer: id,
    subject: id,
    audience: endpoint,
    clockTolerance: SKEW_SECONDS,
  }).catch((error: unknown) => {
    throw refused('assertion_invalid', id, error);
  });
  const { jti, exp = Infinity } = payload;
  // Only one audience (RFC 7523bis): an assertion that names other servers too could be replayed by them.
  if (payload.aud !== endpoint || !ASSERTION_TYPES.has(protectedHeader.typ ?? 'JWT'))
    throw refused('assertion_invalid', id);
  // Each jti is stored until its assertion expires, so the lifetime of an assertion must be limited.
  if (typeof jti !== 'string' || jti.length > 255 || exp > Date.now() / 1000 + LIFETIME_SECONDS + SKEW_SECONDS)
    throw refused('assertion_invalid', id);
  return { jti, exp };
}

function issuerOf(assertion: string): string | null {
  try {
    return decodeJwt(assertion).iss ?? null;
  } catch {
    return null;
  }
}

/** Parses the Basic credentials. Clients form-encode id and secret before they join them. */
function basicOf(authorization: string | undefined): readonly [string, string] | null {
  const encoded = /^basic ([A-Za-z0-9+/]+=*)$/i.exec(authorization ?? '')?.[1];
  const pair = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString('utf8'));
  if (!pair) return null;
  try {
    const [id, secret] = [pair[1], pair[2]].map((part) => decodeURIComponent((part ?? '').replace(/\+/g, ' ')));
    // Postgres cannot store the character U+0000, so no client id contains it.
    return id && secret && !id.includes('\0') ? [id, secret] : null;
  } catch {
    return null;
  }
}

const refused = (code: ExchangeErrorCode, client: string | undefined, cause?: unknown): ExchangeError =>
  new ExchangeError(
    code,
    'The client is unknown, or its credentials are wrong.',
    { client: client?.slice(0, 128) },
    { cause },
  );
