/** Obtains Cognito's tokens for a person: signs the assertions that Cognito's triggers verify, and makes the calls. */
import type { CustomAuth, Refreshed, SignedIn } from '#cognito';
import type { Logger } from '#platform';
import { assertionClaims, type AssertionSigner, type AssertionSubject } from './signer.js';

export class TokenIssuer {
  constructor(
    private readonly cognito: CustomAuth,
    private readonly signer: AssertionSigner,
    /** Of the assertions, see `assertionAudience`. */
    private readonly audience: string,
    private readonly logger: Logger,
  ) {}

  /** Rejects with a `CognitoError` or `SigningUnavailable`. */
  signIn(subject: AssertionSubject): Promise<SignedIn> {
    return this.cognito.signIn(subject.accountId, (nonce) =>
      this.signer.sign(assertionClaims(subject, this.audience, nonce)),
    );
  }

  /** Rejects with a `CognitoError` or `SigningUnavailable`. */
  async refresh(refreshToken: string, subject: AssertionSubject): Promise<Refreshed> {
    return this.cognito.refresh(refreshToken, await this.signer.sign(assertionClaims(subject, this.audience)));
  }

  /** Best effort: a refresh token that cannot be revoked is not stored anywhere and expires in Cognito. Never rejects. */
  async revoke(refreshToken: string, tenant: string): Promise<void> {
    await this.cognito
      .revoke(refreshToken)
      .catch((error: unknown) =>
        this.logger.warn(
          { tenant, err: error, code: 'token_not_revoked' },
          'Cannot revoke a refresh token at Cognito. Nobody has it, and it stays valid until it expires.',
        ),
      );
  }
}
