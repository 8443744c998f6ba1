/** Caches the provider's signing keys. A new key is found soon, and unknown key ids cannot cause endless requests. */
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import { OidcError } from './errors.js';
import type { ProviderHttp } from './http.js';
import { parseJson } from '../json.js';

export interface KeyOptions {
  /**
   * Milliseconds for which keys are cached. A key that the provider removed is still accepted for at most this long.
   */
  readonly cacheMs: number;
  /** Milliseconds between two fetches for unknown keys. */
  readonly cooldownMs: number;
  readonly timeoutMs: number;
}

/**
 * Shortest interval between extra fetches. If a key is unknown while jose's cooldown prevents a fetch, the keys are
 * fetched anyway, at most once per interval.
 */
const FORCED_RELOAD_MS = 5_000;

export function providerKeys(http: ProviderHttp, jwksUri: string, options: KeyOptions): JWTVerifyGetKey {
  const set = createRemoteJWKSet(new URL(jwksUri), {
    cacheMaxAge: options.cacheMs,
    cooldownDuration: options.cooldownMs,
    timeoutDuration: options.timeoutMs,
    [customFetch]: async (url) => {
      const { status, body } = await http.send(new URL(url), { method: 'GET' });
      if (status !== 200 || parseJson(body) === undefined)
        throw new OidcError('provider_unavailable', `${url} answered ${status} without keys.`);
      return new Response(body, { status });
    },
  });
  let forcedAt = Number.NEGATIVE_INFINITY;
  return async (header, token) => {
    try {
      return await set(header, token);
    } catch (error) {
      const justFetched = error instanceof errors.JWKSNoMatchingKey && set.coolingDown;
      if (!justFetched || performance.now() - forcedAt < FORCED_RELOAD_MS) throw error;
      forcedAt = performance.now();
      await set.reload();
      return set(header, token);
    }
  };
}
