import { admit, type AccountCopy } from './admission.js';

const NOW = new Date('2026-01-15T12:00:00Z');
const account = (change: Partial<AccountCopy> = {}): AccountCopy => ({
  id: 'a',
  tenant: 't',
  version: 1,
  accountStatus: 'active',
  accessVersion: 1,
  accessStatus: 'active',
  roles: [],
  notBefore: null,
  signingOut: null,
  ...change,
});
const outcome = (accounts: AccountCopy[], expected = false): string => {
  const admission = admit(accounts, expected, NOW);
  return 'refused' in admission ? admission.refused : admission.admitted.id;
};

describe('admit', () => {
  it.each<[string, AccountCopy[], boolean, string]>([
    ['no account', [], false, 'unknown_person'],
    ['no account, but a person in the directory', [], true, 'not_provisioned'],
    ['an active account', [account()], false, 'a'],
    [
      'an account whose access is not known yet',
      [account({ accessVersion: 0, accessStatus: null })],
      false,
      'not_provisioned',
    ],
    ['an inactive account', [account({ accountStatus: 'inactive' })], false, 'account_inactive'],
    ['an account without access', [account({ accessStatus: 'inactive' })], false, 'account_inactive'],
    ['an account with an unknown access status', [account({ accessStatus: 'paused' })], false, 'account_inactive'],
    [
      'a removed account, even if the directory has the person',
      [account({ accessStatus: 'removed' })],
      true,
      'account_inactive',
    ],
    ['two active accounts', [account(), account({ id: 'b' })], false, 'account_ambiguous'],
    ['a removed account and an active one', [account({ accessStatus: 'removed' }), account({ id: 'b' })], false, 'b'],
    [
      'a removed account and one whose access is not known yet',
      [account({ accessStatus: 'removed' }), account({ id: 'b', accessVersion: 0 })],
      false,
      'not_provisioned',
    ],
    [
      'an account that is being signed out everywhere',
      [account({ signingOut: 'a-logout' })],
      false,
      'account_signing_out',
    ],
    [
      'an inactive account that was being signed out everywhere',
      [account({ accessStatus: 'inactive', signingOut: 'a-logout' })],
      false,
      'account_inactive',
    ],
    ['an account with a fence before the proof', [account({ notBefore: new Date(NOW.getTime()) })], false, 'a'],
    [
      'an account with a fence after the proof',
      [account({ notBefore: new Date(NOW.getTime() + 1) })],
      false,
      'account_fenced',
    ],
  ])('decides for %s', (_, accounts, expected, result) => expect(outcome(accounts, expected)).toBe(result));
});
