/** Parses the form of a token exchange (RFC 8693 section 2.1). Pure functions only. */
import { ExchangeError } from './exchange-error.js';

export const TOKEN_PATH = 'auth/okta/obo/token';
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:';
export const ACCESS_TOKEN_TYPE = `${TOKEN_TYPE}access_token`;
const ID_TOKEN_TYPE = `${TOKEN_TYPE}id_token`;
const MAX_PARAMETER = 20_000;

export interface ExchangeRequest {
  readonly subjectToken: string;
  readonly subjectTokenType: 'access_token' | 'id_token';
  readonly audience: string | undefined;
  readonly scopes: readonly string[];
}

/**
 * Returns null if the body is not a form. Refuses repeated parameters and ignores empty ones (RFC 6749 section 3.2).
 */
export function parametersOf(body: unknown): ReadonlyMap<string, string> | null {
  if (!(body instanceof URLSearchParams)) return null;
  const parameters = new Map<string, string>();
  for (const [name, value] of body) {
    if (parameters.has(name)) throw malformed('A parameter occurs more than once.');
    if (value.length > MAX_PARAMETER) throw malformed('A parameter is too long.');
    parameters.set(name, value);
  }
  return new Map([...parameters].filter(([, value]) => value !== ''));
}

export function parseExchangeRequest(form: ReadonlyMap<string, string>): ExchangeRequest {
  if (form.get('grant_type') !== GRANT_TYPE)
    throw new ExchangeError('unsupported_grant', `grant_type must be ${GRANT_TYPE}.`);
  const subjectToken = form.get('subject_token');
  const type = form.get('subject_token_type');
  if (subjectToken === undefined) throw malformed('subject_token is missing.');
  if (type !== ACCESS_TOKEN_TYPE && type !== ID_TOKEN_TYPE)
    throw malformed(`subject_token_type must be ${ACCESS_TOKEN_TYPE} or ${ID_TOKEN_TYPE}.`);
  if ((form.get('requested_token_type') ?? ACCESS_TOKEN_TYPE) !== ACCESS_TOKEN_TYPE)
    throw malformed(`requested_token_type must be ${ACCESS_TOKEN_TYPE}; no other type is issued.`);
  // `actor_token` is refused, because a caller who sends it expects the issued token to name that actor.
  if (form.has('actor_token') || form.has('actor_token_type'))
    throw malformed('actor_token is not supported. The authenticated client is the actor.');
  if (form.has('resource'))
    throw new ExchangeError('audience_not_allowed', 'resource is not supported. Use audience instead.');
  return {
    subjectToken,
    subjectTokenType: type === ID_TOKEN_TYPE ? 'id_token' : 'access_token',
    audience: form.get('audience'),
    scopes: (form.get('scope') ?? '').split(' ').filter((scope) => scope !== ''),
  };
}

export const malformed = (description: string): ExchangeError => new ExchangeError('malformed', description);
