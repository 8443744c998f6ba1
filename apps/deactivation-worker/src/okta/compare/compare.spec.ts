import { driftKinds, driftOf, isNews, note, nothingYet, type Counterpart } from './drift.js';
import { dueSince } from './nightly.js';

const here = (change: Partial<Counterpart> = {}): Counterpart => ({
  external_id: '00u00000000000000001',
  user_name: 'ada@example.com',
  active: true,
  door: 'open',
  okta_state: null,
  ...change,
});

describe('an assigned user of Okta differs from us', () => {
  it('not at all when he has access and may have it', () => {
    expect(driftOf(here(), false)).toBeNull();
  });
  it('when we do not have him, or have him inactive', () => {
    expect(driftOf(undefined, false)).toBe('unknown_here');
    expect(driftOf(here({ active: false, door: 'closed' }), false)).toBe('inactive_here');
  });
  it('when he is suspended and has access', () => {
    expect(driftOf(here(), true)).toBe('suspended_in_okta');
    expect(driftOf(here({ door: 'closed', okta_state: 'suspended' }), true)).toBeNull();
  });
  it('when an earlier signal keeps him out', () => {
    for (const okta_state of ['suspended', 'deprovisioned', 'missing'] as const)
      expect(driftOf(here({ door: 'closed', okta_state }), false)).toBe('kept_out_here');
  });

  it('and Okta is asked about him only if that decides about access and is not known yet', () => {
    expect(driftKinds.filter((kind) => isNews(kind, here()))).toEqual(['suspended_in_okta', 'kept_out_here']);
    expect(isNews('suspended_in_okta', here({ okta_state: 'suspended' }))).toBe(false);
    expect(isNews('suspended_in_okta', here({ okta_state: 'missing' }))).toBe(true);
  });

  it('the report counts all and names the first', () => {
    const progress = nothingYet();
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
  it('over midnight and the end of a month', () => {
    expect(at('2026-03-01T01:00:00Z', 22)).toBe('2026-02-28T22:00:00.000Z');
  });
  it('never, if it is switched off', () => {
    expect(at('2026-03-01T03:00:00Z', -1)).toBeNull();
  });
});
