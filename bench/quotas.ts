/** Cognito's quotas, raised out of the way on both sides. */

/** High enough that no quota is what is measured. */
const UNLIMITED = 100_000;
/** As our services know them, and as the stand-in counts them. */
export const OWN_QUOTAS = [
  'UserCreation',
  'UserRead',
  'UserUpdate',
  'UserAccountRecovery',
  'UserResourceRead',
  'UserResourceUpdate',
  'UserList',
  'UserAuthentication',
  'UserAuthenticationResponse',
  'UserToken',
];
export const SANDBOX_QUOTAS = [
  ...OWN_QUOTAS,
  'PerUserRead',
  'PerUserWrite',
  'PerPoolOperation',
  'UserPoolResourceRead',
  'UserPoolResourceUpdate',
];
export const unlimited = (quotas: readonly string[]): string =>
  JSON.stringify(Object.fromEntries(quotas.map((name) => [name, UNLIMITED])));
