/** Cognito's quotas, raised out of the way on both sides. */
import { DEFAULT_QUOTAS } from '../libs/cognito/src/quotas.js';

/** High enough that no quota is what is measured. */
const UNLIMITED = 100_000;
/** As our services know them, and as the stand-in counts them. */
export const OWN_QUOTAS: readonly string[] = Object.keys(DEFAULT_QUOTAS);
export const SANDBOX_QUOTAS: readonly string[] = [...OWN_QUOTAS, 'PerUserRead', 'PerUserWrite', 'PerPoolOperation'];
export const unlimited = (quotas: readonly string[]): string =>
  JSON.stringify(Object.fromEntries(quotas.map((name) => [name, UNLIMITED])));
