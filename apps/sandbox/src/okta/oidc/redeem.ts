import { createHash } from 'node:crypto';
import type { Client, CodeGrant, ServerId } from './model.js';
import { OAuthError, required } from './oauth-error.js';
import type { OidcProvider } from './provider.js';

/** Redeems a code. A wrong verifier also uses up the code, so that an attacker can guess only once. */
export async function redeem(oidc: OidcProvider, server: ServerId, client: Client, form: unknown): Promise<CodeGrant> {
  const type = required(form, 'grant_type');
  if (type !== 'authorization_code')
    throw new OAuthError(
      'unsupported_grant_type',
      'The authorization grant type is not supported: only "authorization_code" is.',
    );
  const [code, redirectUri] = [required(form, 'code'), required(form, 'redirect_uri')];
  const verifier = required(form, 'code_verifier');
  const granted = await oidc.pending.redeemCode(client.clientId, code);
  if (granted?.server !== server)
    throw new OAuthError('invalid_grant', 'The authorization code is invalid or has expired.');
  if (granted.redirectUri !== redirectUri)
    throw new OAuthError(
      'invalid_grant',
      "The 'redirect_uri' does not match the redirection URI used in the authorization request.",
    );
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier) || challengeFor(verifier) !== granted.codeChallenge)
    throw new OAuthError('invalid_grant', 'PKCE verification failed.');
  return granted;
}

/** RFC 7636, 4.2. */
const challengeFor = (verifier: string): string => createHash('sha256').update(verifier, 'ascii').digest('base64url');
