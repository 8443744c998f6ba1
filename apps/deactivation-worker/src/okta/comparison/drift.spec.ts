import { OKTA_DRIFT_KINDS } from '#contracts';
import { driftOf, needsCheck, noProgress, note, type Counterpart } from './drift.js';
import { dueSince } from './nightly.js';

const here = (change: Partial<Counterpart> = {}): Counterpart => ({
  externalId: '00u00000000000000001',
  userName: 'ada@example.com',
  active: true,
  desiredAccess: 'enabled',
  oktaState: null,
  ...change,
});

describe('the difference between an assigned user of Okta and the person here', () => {
  it('is none if the person has access and should have it', () => {
    expect(driftOf(here(), false)).toBeNull();
  });
  it('is that the person is unknown or inactive here', () => {
    expect(driftOf(undefined, false)).toBe('unknown_here');
    expect(driftOf(here({ active: false, desiredAccess: 'disabled' }), false)).toBe('inactive_here');
  });
  it('is that a suspended user has access', () => {
    expect(driftOf(here(), true)).toBe('suspended_in_okta');
    expect(driftOf(here({ desiredAccess: 'disabled', oktaState: 'suspended' }), true)).toBeNull();
  });
  it('is that an earlier signal ended access', () => {
    for (const oktaState of ['suspended', 'deprovisioned', 'unassigned'] as const)
      expect(driftOf(here({ desiredAccess: 'disabled', oktaState }), false)).toBe('kept_out_here');
  });

  it('is checked only if it affects access and is not known yet', () => {
    expect(OKTA_DRIFT_KINDS.filter((kind) => needsCheck(kind, here()))).toEqual(['suspended_in_okta', 'kept_out_here']);
    expect(needsCheck('suspended_in_okta', here({ oktaState: 'suspended' }))).toBe(false);
    expect(needsCheck('suspended_in_okta', here({ oktaState: 'unassigned' }))).toBe(true);
  });

  it('is counted for everybody and named for the first ones', () => {
    const progress = noProgress();
    for (let i = 0; i < 100; i++) note(progress, 'unknown_here', `n${i}`);
    expect(progress.drift.unknown_here.count).toBe(100);
    expect(progress.drift.unknown_here.sample).toHaveLength(20);
    expect(progress.drift.missing_in_okta).toEqual({ count: 0, sample: [] });
  });
});

describe('the nightly comparison is due', () => {
  const at = (text: string, hour: number) => dueSince(new Date(text), hour)?.toISOString() ?? null;

  it('from its hour on, for six hours', () => {
    expect(at('2026-03-01T02:59:59Z', 3)).toBeNull();
    expect(at('2026-03-01T03:00:00Z', 3)).toBe('2026-03-01T03:00:00.000Z');
    expect(at('2026-03-01T08:59:59Z', 3)).toBe('2026-03-01T03:00:00.000Z');
    expect(at('2026-03-01T09:00:00Z', 3)).toBeNull();
  });
  it('across midnight and the end of a month', () => {
    expect(at('2026-03-01T01:00:00Z', 22)).toBe('2026-02-28T22:00:00.000Z');
  });
  it('never, if it is switched off', () => {
    expect(at('2026-03-01T03:00:00Z', -1)).toBeNull();
  });
});
