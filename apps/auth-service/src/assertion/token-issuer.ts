/** Obtains Cognito's tokens for a person. It signs the assertions that Cognito's triggers verify, and calls Cognito. */
import type { CustomAuth, Refreshed, SignedIn } from '#cognito';
import type { Logger } from '#platform';
import { assertionClaims, type AssertionSigner, type AssertionSubject } from './signer.js';

export class TokenIssuer {
  constructor(
    private readonly cognito: CustomAuth,
    private readonly signer: AssertionSigner,
    /** The `aud` claim of the assertions, see `assertionAudience`. */
    private readonly audience: string,
    private readonly logger: Logger,
  ) {}

  /** Signs a person in at Cognito. Rejects with a `CognitoError` or `SigningUnavailable`. */
  signIn(subject: AssertionSubject): Promise<SignedIn> {
    return this.cognito.signIn(subject.accountId, (nonce) =>
      this.signer.sign(assertionClaims(subject, this.audience, nonce)),
    );
  }

  /** Requests new tokens. Rejects with a `CognitoError` or `SigningUnavailable`. */
  async refresh(refreshToken: string, subject: AssertionSubject): Promise<Refreshed> {
    return this.cognito.refresh(refreshToken, await this.signer.sign(assertionClaims(subject, this.audience)));
  }

  /** Revokes a refresh token. Never rejects; a failure is logged. */
  async revoke(refreshToken: string, tenant: string): Promise<void> {
    await this.cognito
      .revoke(refreshToken)
      .catch((error: unknown) =>
        this.logger.warn(
          { tenant, err: error, code: 'token_not_revoked' },
          'Cannot revoke a refresh token at Cognito. The token stays valid until it expires, but it is not stored anywhere.',
        ),
      );
  }
}
