/** Cognito's quotas, all set to one value. Most tests use a high value, so that no quota slows them. */
import { DEFAULT_QUOTAS, type QuotaCategory, type Quotas } from '#cognito';
import {
  DEFAULT_QUOTAS as SANDBOX_QUOTAS,
  type Quotas as SandboxQuotas,
  type QuotaName,
} from '../../apps/sandbox/src/cognito/quotas.js';

const all = <K extends string>(defaults: Readonly<Record<K, number>>, perSecond: number): Record<K, number> =>
  Object.fromEntries(Object.keys(defaults).map((name) => [name, perSecond])) as Record<K, number>;

/** The quotas of our services, for `COGNITO_QUOTAS` (JSON). */
export const ownQuotas = (perSecond: number): Quotas => all<QuotaCategory>(DEFAULT_QUOTAS, perSecond);
/** The quotas of the stand-in, which counts some more categories. */
export const sandboxQuotas = (perSecond: number): SandboxQuotas => all<QuotaName>(SANDBOX_QUOTAS, perSecond);
