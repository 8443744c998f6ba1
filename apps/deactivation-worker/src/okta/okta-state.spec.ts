import type { OktaUser } from '#okta';
import type { OktaState } from '../people/closing.js';
import { causeOf, stateOf } from './okta-state.js';

const user = (status: string): OktaUser => ({
  id: '00u00000000000000001',
  status,
  statusChanged: null,
  lastUpdated: null,
  profile: { login: 'a@example.com', email: null, firstName: null, lastName: null, displayName: null },
});

describe("Okta's word about a person", () => {
  it.each<[string, boolean | null, OktaState | null | undefined]>([
    ['ACTIVE', null, null],
    ['ACTIVE', true, null],
    ['ACTIVE', false, 'missing'],
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
  ])('%s, assigned %s: %s', (status, assigned, state) => {
    expect(stateOf({ user: user(status), assigned }, null, true)).toBe(state);
  });

  it('"there is no such user" ends access, whatever the settings say', () => {
    expect(stateOf({ user: null, assigned: null }, null, true)).toBe('deprovisioned');
    expect(stateOf({ user: null, assigned: null }, null, false)).toBe('deprovisioned');
  });

  it('without "Deactivate on Offboard", deactivation and unassignment take nothing away, suspension does', () => {
    expect(stateOf({ user: user('DEPROVISIONED'), assigned: null }, null, false)).toBeNull();
    expect(stateOf({ user: user('ACTIVE'), assigned: false }, null, false)).toBeNull();
    expect(stateOf({ user: user('SUSPENDED'), assigned: null }, null, false)).toBe('suspended');
  });

  it('and the switch lets nobody in whom it kept out', () => {
    expect(stateOf({ user: user('DEPROVISIONED'), assigned: null }, 'deprovisioned', false)).toBe('deprovisioned');
    expect(stateOf({ user: user('ACTIVE'), assigned: false }, 'missing', false)).toBe('missing');
    expect(stateOf({ user: user('ACTIVE'), assigned: true }, 'missing', false)).toBeNull();
  });

  it('names the cause', () => {
    expect([causeOf('suspended'), causeOf(null)]).toEqual(['okta.suspended', 'okta.active']);
  });
});
