/** What to do next at one person's door in Cognito. Pure. */
import type { Door } from '../people/closing.js';

/** What Cognito is known to hold; null = not known. */
export type Known = 'enabled' | 'disabled' | 'absent' | null;

export interface DoorSight {
  /** What is wanted. */
  readonly door: Door;
  readonly known: Known;
  /** Refresh tokens from before the last closing still live. */
  readonly signOutDue: boolean;
  /** The fence is gone: `identity.access` says active. */
  readonly lifted: boolean;
}

/**
 * `confirm`: read the user back; if Cognito shows what is wanted, the work ends with it.
 * `enable`: and lift the fence with the instant at which Cognito did it.
 */
export type Step = 'disable' | 'sign-out' | 'confirm' | 'enable' | 'lift' | 'end';

/**
 * Closing: disable, then sign out, so that nobody logs in between the two. Opening: sign out what the closing left
 * over (old refresh tokens would live again), enable, and only then lift the fence. What Cognito does not have is
 * closed; identity-service will tell when it appears.
 */
export function nextStep({ door, known, signOutDue, lifted }: DoorSight): Step {
  if (door === 'closed') {
    if (known !== 'disabled' && known !== 'absent') return 'disable';
    return signOutDue && known !== 'absent' ? 'sign-out' : 'confirm';
  }
  if (signOutDue && known !== 'absent') return 'sign-out';
  if (!lifted) return known === 'absent' ? 'lift' : 'enable';
  if (known === null) return 'confirm';
  return known === 'disabled' ? 'enable' : 'end';
}

/** Closing somebody whom Cognito may still let in goes before all else. */
export const isUrgent = ({ door, known }: Pick<DoorSight, 'door' | 'known'>): boolean =>
  door === 'closed' && known !== 'disabled' && known !== 'absent';
