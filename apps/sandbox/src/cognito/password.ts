/** Passwords are checked against the pool's policy and not stored. The sandbox has no sign-in with a password. */
import { AwsError } from '../aws/aws-error.js';

export interface PasswordPolicy {
  readonly MinimumLength: number;
  readonly RequireUppercase: boolean;
  readonly RequireLowercase: boolean;
  readonly RequireNumbers: boolean;
  readonly RequireSymbols: boolean;
  readonly TemporaryPasswordValidityDays: number;
}

export const DEFAULT_POLICY: PasswordPolicy = {
  MinimumLength: 8,
  RequireUppercase: true,
  RequireLowercase: true,
  RequireNumbers: true,
  RequireSymbols: true,
  TemporaryPasswordValidityDays: 7,
};

const SYMBOL = /[\^$*.[\]{}()?\-"!@#%&/\\,><':;|_~`+=]/;

export function checkPassword(policy: PasswordPolicy, password: string): void {
  const fault =
    (password.length < policy.MinimumLength && 'Password not long enough') ||
    (policy.RequireUppercase && !/[A-Z]/.test(password) && 'Password must have uppercase characters') ||
    (policy.RequireLowercase && !/[a-z]/.test(password) && 'Password must have lowercase characters') ||
    (policy.RequireNumbers && !/\d/.test(password) && 'Password must have numeric characters') ||
    (policy.RequireSymbols && !SYMBOL.test(password) && 'Password must have symbol characters');
  if (fault) throw new AwsError('InvalidPasswordException', `Password did not conform with policy: ${fault}`);
}
