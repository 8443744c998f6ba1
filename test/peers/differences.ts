/**
 * The points where cognito-local 5.3.0 differs from AWS's documentation (Amazon Cognito user pools API reference). Only
 * the sandbox is tested there. Each difference is a test of its own, which fails when cognito-local is fixed.
 */
export interface Difference {
  /** The documented behaviour, and the behaviour of cognito-local. */
  readonly why: string;
  /** The error of the contract's case. */
  readonly shows: RegExp;
}

/** Keyed by the name of the case in the contract. */
export const cognitoLocalDiffers: Readonly<Record<string, Difference>> = {
  'AdminUpdateUserAttributes: refuses an unknown user': {
    why: 'AWS documents UserNotFoundException, cognito-local answers NotAuthorizedException',
    shows: /NotAuthorizedException/,
  },
  'AdminUserGlobalSignOut: succeeds for a user without sessions': {
    why: 'cognito-local does not implement the operation',
    shows: /Unsupported x-amz-target header "AdminUserGlobalSignOut"/,
  },
  'AdminUserGlobalSignOut: refuses an unknown user': {
    why: 'cognito-local does not implement the operation',
    shows: /Unsupported x-amz-target header "AdminUserGlobalSignOut"/,
  },
  'ListUsers: returns every user once, in pages of at most sixty': {
    why: 'AWS documents Limit and PaginationToken, cognito-local ignores both',
    shows: /Expected: .*<= .*60/,
  },
  'CreateGroup: refuses an existing name': {
    why: 'AWS documents GroupExistsException, cognito-local replaces the group',
    shows: /resolved instead of rejected/,
  },
};

/**
 * Sign-in operations that cannot be compared: cognito-local has no CUSTOM_AUTH, no answers to challenges and no
 * GetTokensFromRefreshToken. So none of our refresh tokens can exist there.
 */
export const signInOperations = [
  'AdminInitiateAuth',
  'AdminRespondToAuthChallenge',
  'GetTokensFromRefreshToken',
  'RevokeToken',
];

/**
 * If the pool never had a group, cognito-local answers 500 to calls that name one; AWS answers
 * ResourceNotFoundException. The pool therefore gets a group that no test uses.
 */
export const FIRST_GROUP = 'nobody';
