/** Where Okta and we differ about a person, and whom that makes us ask about. Pure. */
import type { OktaAppUser } from '#okta';
import type { OktaState } from '../../people/closing.js';

export const driftKinds = [
  /** Assigned in Okta, unknown here: a push that failed, or is under way. */
  'unknown_here',
  /** Assigned in Okta, inactive in our directory: a push that failed. */
  'inactive_here',
  /** Has access here, is suspended in Okta. */
  'suspended_in_okta',
  /** Has access here, is not assigned in Okta. */
  'missing_in_okta',
  /** Kept out here by an earlier signal, assigned and not suspended in Okta. */
  'kept_out_here',
  /** Has access here, and nothing that tells who he is in Okta. */
  'without_okta_id',
] as const;
export type DriftKind = (typeof driftKinds)[number];

export interface Drift {
  count: number;
  /** The first names. */
  sample: string[];
}

export interface CompareProgress {
  phase: 'suspended' | 'assigned' | 'here' | 'asking' | 'done';
  /** People of the Okta app, and people with access here, seen so far. */
  oktaUsers: number;
  people: number;
  drift: Record<DriftKind, Drift>;
}

const SAMPLE = 20;

export const nothingYet = (): CompareProgress => ({
  phase: 'suspended',
  oktaUsers: 0,
  people: 0,
  drift: Object.fromEntries(driftKinds.map((kind) => [kind, { count: 0, sample: [] }])) as unknown as Record<
    DriftKind,
    Drift
  >,
});

export function note(progress: CompareProgress, kind: DriftKind, name: string): void {
  const drift = progress.drift[kind];
  drift.count++;
  if (drift.sample.length < SAMPLE) drift.sample.push(name);
}

/** A person on our side whose external id is the Okta user's. */
export interface Counterpart {
  readonly external_id: string;
  readonly user_name: string;
  readonly active: boolean;
  readonly door: 'open' | 'closed';
  readonly okta_state: OktaState | null;
}

/** What is wrong with an assigned user; null = nothing. */
export function driftOf(here: Counterpart | undefined, isSuspended: boolean): DriftKind | null {
  if (!here) return 'unknown_here';
  if (!here.active) return 'inactive_here';
  if (isSuspended) return here.door === 'open' ? 'suspended_in_okta' : null;
  return here.okta_state === null ? null : 'kept_out_here';
}

/** Whether to ask Okta about the person himself. What does not decide about access is reported, and SCIM has to mend it. */
export function isNews(kind: DriftKind, here: Counterpart | undefined): boolean {
  // A suspension that is on his row already waits for the brake.
  if (kind === 'suspended_in_okta') return here?.okta_state !== 'suspended';
  return kind === 'kept_out_here';
}

/** Somebody with access, whom SCIM calls active. */
export interface OpenPerson extends Pick<Counterpart, 'user_name' | 'okta_state'> {
  readonly id: string;
  readonly external_id: string | null;
}

export const nameOf = (user: OktaAppUser): string => `${user.userName ?? 'without a user name'} (${user.id})`;
