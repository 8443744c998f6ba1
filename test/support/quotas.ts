/** Cognito's quotas, all set to one value: raised out of the way, mostly. */
import { DEFAULT_QUOTAS, type QuotaCategory, type Quotas } from '#cognito';
import {
  DEFAULT_QUOTAS as SANDBOX_QUOTAS,
  type Quotas as SandboxQuotas,
  type QuotaName,
} from '../../apps/sandbox/src/cognito/quotas.js';

const all = <K extends string>(defaults: Readonly<Record<K, number>>, perSecond: number): Record<K, number> =>
  Object.fromEntries(Object.keys(defaults).map((name) => [name, perSecond])) as Record<K, number>;

/** As our services know them; `COGNITO_QUOTAS` is their JSON. */
export const ownQuotas = (perSecond: number): Quotas => all<QuotaCategory>(DEFAULT_QUOTAS, perSecond);
/** As the stand-in counts them; it knows some more. */
export const sandboxQuotas = (perSecond: number): SandboxQuotas => all<QuotaName>(SANDBOX_QUOTAS, perSecond);
