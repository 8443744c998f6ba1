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

describe('admission', () => {
  it.each<[string, AccountCopy[], boolean, string]>([
    ['nobody', [], false, 'unknown_person'],
    ['somebody on the way', [], true, 'not_provisioned'],
    ['an active account', [account()], false, 'a'],
    [
      'an account whose access is not known yet',
      [account({ accessVersion: 0, accessStatus: null })],
      false,
      'not_provisioned',
    ],
    ['an account that is inactive', [account({ accountStatus: 'inactive' })], false, 'account_inactive'],
    ['an account without access', [account({ accessStatus: 'inactive' })], false, 'account_inactive'],
    ['a status that nobody knows', [account({ accessStatus: 'paused' })], false, 'account_inactive'],
    ['an inactive one, though the directory has her', [account({ accessStatus: 'removed' })], true, 'account_inactive'],
    ['two active ones', [account(), account({ id: 'b' })], false, 'account_ambiguous'],
    ['an old inactive one and an active one', [account({ accessStatus: 'removed' }), account({ id: 'b' })], false, 'b'],
    [
      'an old inactive one and one on the way',
      [account({ accessStatus: 'removed' }), account({ id: 'b', accessVersion: 0 })],
      false,
      'not_provisioned',
    ],
    ['somebody who is being signed out', [account({ signingOut: 'a-logout' })], false, 'account_signing_out'],
    [
      'one who is out, and was being signed out',
      [account({ accessStatus: 'inactive', signingOut: 'a-logout' })],
      false,
      'account_inactive',
    ],
    ['a fence from before', [account({ notBefore: new Date(NOW.getTime()) })], false, 'a'],
    ['a fence from after', [account({ notBefore: new Date(NOW.getTime() + 1) })], false, 'account_fenced'],
  ])('of %s', (_, accounts, expected, result) => expect(outcome(accounts, expected)).toBe(result));
});
