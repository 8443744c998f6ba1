/**
 * The classes of failures:
 * - `throttled`: there were too many calls. Slow down. The call does not count as a failed attempt.
 * - `retry`: the result is unknown (network, 5xx, timeout). Repeat the call later.
 * - `permanent`: the same call will fail again. A person must act.
 * - `missing_user`, `missing_group`, `exists`: the pool is not in the expected state. The caller decides.
 * - `config`: the pool, its plan or our credentials are wrong. Every other call will fail too.
 */
export type ErrorClass = 'retry' | 'throttled' | 'permanent' | 'missing_user' | 'missing_group' | 'exists' | 'config';

/** Operations for which ResourceNotFoundException may mean that the group does not exist. */
const GROUP_OPERATIONS = new Set(['AdminAddUserToGroup', 'AdminRemoveUserFromGroup', 'ListUsersInGroup', 'GetGroup']);

const CLASS_OF: Readonly<Record<string, ErrorClass | ((operation: string, message: string) => ErrorClass)>> = {
  UserNotFoundException: 'missing_user',
  UsernameExistsException: 'exists',
  GroupExistsException: 'exists',
  // Another user has the alias, so a person must act. ForceAliasCreation would take the alias from that user.
  AliasExistsException: 'permanent',
  ResourceNotFoundException: (operation, message) =>
    GROUP_OPERATIONS.has(operation) && !/pool/i.test(message) ? 'missing_group' : 'config',
  NotAuthorizedException: 'permanent',
  InvalidParameterException: 'permanent',
  InvalidPasswordException: 'permanent',
  PasswordHistoryPolicyViolationException: 'permanent',
  UnsupportedUserStateException: 'permanent',
  TooManyRequestsException: 'throttled',
  // For CreateGroup the error means the limit of 10,000 groups, where waiting does not help. Otherwise it means a rate
  // limit.
  LimitExceededException: (operation) => (operation === 'CreateGroup' ? 'permanent' : 'throttled'),
  ThrottlingException: 'throttled',
  Throttling: 'throttled',
  InternalErrorException: 'retry',
  InvalidLambdaResponseException: 'retry',
  UnexpectedLambdaException: 'retry',
  UserLambdaValidationException: 'retry',
  CodeDeliveryFailureException: 'retry',
  OperationNotEnabledException: 'config',
  FeatureUnavailableInTierException: 'config',
  InvalidUserPoolConfigurationException: 'config',
  UserPoolAddOnNotEnabledException: 'config',
  AccessDeniedException: 'config',
  UnrecognizedClientException: 'config',
  InvalidSignatureException: 'config',
  MissingAuthenticationTokenException: 'config',
  IncompleteSignatureException: 'config',
  ExpiredTokenException: 'config',
  ExpiredToken: 'config',
  CredentialsProviderError: 'config',
};

interface AwsFailure {
  readonly name: string;
  readonly message: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/**
 * For an unknown error name, the HTTP status decides. Without a status, Cognito did not answer, so the class is
 * `retry`.
 */
export function classifyError(operation: string, error: unknown): ErrorClass {
  if (error instanceof CognitoError) return error.errorClass;
  if (!(error instanceof Error)) return 'retry';
  const { name, message, $metadata } = error as AwsFailure;
  const known = Object.hasOwn(CLASS_OF, name) ? CLASS_OF[name] : undefined;
  if (known !== undefined) return typeof known === 'function' ? known(operation, message) : known;
  const status = $metadata?.httpStatusCode ?? 0;
  if (status === 429) return 'throttled';
  return status >= 400 && status < 500 ? 'permanent' : 'retry';
}

/** A failed Cognito call. The message names the operation and the cause, but no attribute value of a person. */
export class CognitoError extends Error {
  constructor(
    readonly errorClass: ErrorClass,
    readonly operation: string,
    /** The error's name from Cognito or Node, e.g. `UserNotFoundException`, `TimeoutError`. */
    readonly code: string,
    detail: string,
  ) {
    super(`${operation}: ${code}: ${detail}`);
    this.name = 'CognitoError';
  }

  static from(operation: string, error: unknown): CognitoError {
    if (error instanceof CognitoError) return error;
    const cause = error instanceof Error ? error : new Error(String(error));
    const nodeCode = (cause as { code?: unknown }).code;
    const code = cause.name === 'Error' && typeof nodeCode === 'string' ? nodeCode : cause.name;
    return new CognitoError(classifyError(operation, error), operation, code, cause.message || 'no answer');
  }
}
