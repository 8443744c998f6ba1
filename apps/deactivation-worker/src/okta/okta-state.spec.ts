import type { OktaState } from '#contracts';
import type { OktaUser } from '#okta';
import { oktaCause, stateOf } from './okta-state.js';

const user = (status: string): OktaUser => ({
  id: '00u00000000000000001',
  status,
  statusChanged: null,
  lastUpdated: null,
  profile: { login: 'a@example.com', email: null, firstName: null, lastName: null, displayName: null },
});

describe("Okta's state of a person", () => {
  it.each<[string, boolean | null, OktaState | null | undefined]>([
    ['ACTIVE', null, null],
    ['ACTIVE', true, null],
    ['ACTIVE', false, 'unassigned'],
    ['STAGED', null, null],
    ['PROVISIONED', null, null],
    ['RECOVERY', null, null],
    ['PASSWORD_EXPIRED', null, null],
    ['LOCKED_OUT', null, null],
    ['SUSPENDED', null, 'suspended'],
    ['SUSPENDED', false, 'suspended'],
    ['DEPROVISIONED', null, 'deprovisioned'],
    ['ARCHIVED_BY_A_LATER_OKTA', null, undefined],
    ['ARCHIVED_BY_A_LATER_OKTA', false, undefined],
  ])('with the status %s and assigned %s is %s', (status, assigned, state) => {
    expect(stateOf({ user: user(status), assigned }, null, true)).toBe(state);
  });

  it('ends access if Okta has no such user, whatever the settings are', () => {
    expect(stateOf({ user: null, assigned: null }, null, true)).toBe('deprovisioned');
    expect(stateOf({ user: null, assigned: null }, null, false)).toBe('deprovisioned');
  });

  it('ends access without "Deactivate on Offboard" by suspension, but not by deactivation or unassignment', () => {
    expect(stateOf({ user: user('DEPROVISIONED'), assigned: null }, null, false)).toBeNull();
    expect(stateOf({ user: user('ACTIVE'), assigned: false }, null, false)).toBeNull();
    expect(stateOf({ user: user('SUSPENDED'), assigned: null }, null, false)).toBe('suspended');
  });

  it('keeps ending access that it ended before "Deactivate on Offboard" was switched off', () => {
    expect(stateOf({ user: user('DEPROVISIONED'), assigned: null }, 'deprovisioned', false)).toBe('deprovisioned');
    expect(stateOf({ user: user('ACTIVE'), assigned: false }, 'unassigned', false)).toBe('unassigned');
    expect(stateOf({ user: user('ACTIVE'), assigned: true }, 'unassigned', false)).toBeNull();
  });

  it('is the cause of a case', () => {
    expect([oktaCause('suspended'), oktaCause(null)]).toEqual(['okta.suspended', 'okta.active']);
  });
});
