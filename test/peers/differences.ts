/**
 * Where cognito-local 5.3.0 does not do what AWS documents (Amazon Cognito user pools API reference, the operation's
 * page), so that there the sandbox stands alone. Each is a test of its own: it fails once cognito-local does it right.
 */
export interface Difference {
  /** What AWS documents, what cognito-local does. */
  readonly why: string;
  /** What the contract says when it meets it. */
  readonly shows: RegExp;
}

/** By the name of the case in the contract. */
export const cognitoLocalDiffers: Readonly<Record<string, Difference>> = {
  'AdminUpdateUserAttributes: of nobody': {
    why: 'AWS lists UserNotFoundException; it answers NotAuthorizedException',
    shows: /NotAuthorizedException/,
  },
  'AdminUserGlobalSignOut: of a user without sessions': {
    why: 'it does not have the operation',
    shows: /Unsupported x-amz-target header "AdminUserGlobalSignOut"/,
  },
  'AdminUserGlobalSignOut: of nobody': {
    why: 'it does not have the operation',
    shows: /Unsupported x-amz-target header "AdminUserGlobalSignOut"/,
  },
  'ListUsers: everybody once, sixty at a time': {
    why: 'AWS answers at most Limit users and a PaginationToken; it ignores both',
    shows: /Expected: .*<= .*60/,
  },
  'CreateGroup: one that exists': {
    why: 'AWS lists GroupExistsException; it replaces the group',
    shows: /resolved instead of rejected/,
  },
};

/**
 * Operations of signing in, which it cannot be asked about: it knows neither CUSTOM_AUTH nor the answer to a challenge
 * nor GetTokensFromRefreshToken, so no refresh token of ours exists there that could be revoked.
 */
export const signInOperations = [
  'AdminInitiateAuth',
  'AdminRespondToAuthChallenge',
  'GetTokensFromRefreshToken',
  'RevokeToken',
];

/**
 * In a pool that never had a group it fails (500) when one is named, where AWS answers ResourceNotFoundException: so its
 * pool gets one that nobody uses.
 */
export const FIRST_GROUP = 'nobody';
