/**
 * Fetches and caches the public keys of the user pool (JWKS), by the rules of `jose`: cooldown, maximum age, timeout,
 * one fetch at a time. The guard does not use `jose` itself, because WebCrypto needs 66 us of processor time per token.
 * The synchronous `crypto.verify` with a KeyObject needs 30 us (bench/guard.ts measures both).
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { systemClock, type Clock } from './clock.js';
import { AccessDenied } from './denied.js';

export interface VerificationKey {
  readonly kid: string;
  readonly key: KeyObject;
  readonly fingerprint: string;
  /** False after the issuer has withdrawn the key. Tokens signed with the key are then refused. */
  live: boolean;
}

export interface KeySetOptions {
  readonly uri: string;
  /** Shortest time between two fetches, even if callers send unknown key ids. */
  readonly cooldownMs?: number;
  /** Age at which the keys are fetched again. The known keys stay valid until the response arrives. */
  readonly maxAgeMs?: number;
  /**
   * Time for which keys stay valid while the issuer is down. The default is one hour, the longest lifetime of a token.
   */
  readonly staleLimitMs?: number;
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  readonly onFailure?: (error: Error) => void;
}

const MIN_MODULUS_BITS = 2048;
const FIRST_RETRY_MS = 1_000;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

const jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) });
const rsaKey = z.object({
  kty: z.literal('RSA'),
  kid: z.string().min(1),
  n: z.string(),
  e: z.string(),
  use: z.literal('sig').optional(),
  alg: z.literal('RS256').optional(),
});

/** Returns true for https, and for http to this machine. */
export function isSecureUrl(value: string): boolean {
  const url = URL.parse(value);
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.has(url.hostname));
}

export class KeySet {
  private keys = new Map<string, VerificationKey>();
  private fetchedAt = -Infinity;
  private nextFetchAt = -Infinity;
  private failures = 0;
  private pending: Promise<void> | undefined;
  private readonly uri: string;
  private readonly cooldownMs: number;
  private readonly maxAgeMs: number;
  private readonly staleLimitMs: number;
  private readonly clock: Clock;

  constructor(private readonly options: KeySetOptions) {
    if (!isSecureUrl(options.uri))
      throw new TypeError(`the JWKS must be fetched over https (http only from this machine), not from ${options.uri}`);
    this.uri = options.uri;
    this.cooldownMs = options.cooldownMs ?? 30_000;
    this.maxAgeMs = options.maxAgeMs ?? 600_000;
    this.staleLimitMs = options.staleLimitMs ?? 3_600_000;
    this.clock = options.clock ?? systemClock;
  }

  /** Returns the key if it is already known. Also starts a fetch if the known keys are older than `maxAgeMs`. */
  find(kid: string): VerificationKey | undefined {
    this.keepFresh();
    return this.keys.get(kid);
  }

  /** Fetches the keys again if they are older than `maxAgeMs`. Withdraws them if they are older than `staleLimitMs`. */
  keepFresh(): void {
    const age = this.clock.monotonic() - this.fetchedAt;
    if (age < this.maxAgeMs) return;
    if (age >= this.staleLimitMs) this.replace(new Map());
    void this.fetch();
  }

  /** Returns the key, after a fetch if necessary. Unknown ids cause at most one fetch per cooldown. */
  async get(kid: string): Promise<VerificationKey> {
    const known = this.find(kid);
    if (known) return known;
    await this.fetch();
    const found = this.keys.get(kid);
    if (found) return found;
    if (this.keys.size === 0)
      throw new AccessDenied(
        'keys_unavailable',
        'The keys that sign tokens cannot be fetched at the moment. Try again shortly.',
      );
    throw new AccessDenied('key_unknown', 'The token is signed with a key that the issuer does not publish.');
  }

  private fetch(): Promise<void> {
    if (this.pending) return this.pending;
    if (this.clock.monotonic() < this.nextFetchAt) return Promise.resolve();
    this.pending = this.load().finally(() => (this.pending = undefined));
    return this.pending;
  }

  private async load(): Promise<void> {
    try {
      const response = await fetch(this.uri, {
        redirect: 'error',
        signal: AbortSignal.timeout(this.options.timeoutMs ?? 5_000),
        headers: { accept: 'application/json' },
      });
      if (!response.ok) throw new Error(`the JWKS answered ${response.status}`);
      this.replace(parseKeys(await response.json(), this.keys));
      this.fetchedAt = this.clock.monotonic();
      this.nextFetchAt = this.fetchedAt + this.cooldownMs;
      this.failures = 0;
    } catch (error) {
      // Retry a failed fetch before the cooldown ends, because callers may be waiting for the keys.
      this.nextFetchAt = this.clock.monotonic() + Math.min(this.cooldownMs, FIRST_RETRY_MS * 2 ** this.failures++);
      this.options.onFailure?.(error as Error);
    }
  }

  private replace(next: Map<string, VerificationKey>): void {
    for (const [kid, key] of this.keys) if (next.get(kid) !== key) key.live = false;
    this.keys = next;
  }
}

/**
 * Parses RSA signing keys of at least 2048 bits and ignores others. An unchanged key stays the same object. Throws if
 * no key is usable, so that an error page of a proxy does not withdraw the known keys.
 */
function parseKeys(body: unknown, known: ReadonlyMap<string, VerificationKey>): Map<string, VerificationKey> {
  const keys = new Map<string, VerificationKey>();
  for (const candidate of jwks.parse(body).keys) {
    const parsed = rsaKey.safeParse(candidate);
    if (!parsed.success) continue;
    const { kid, kty, n, e } = parsed.data;
    const fingerprint = `${n}.${e}`;
    const old = known.get(kid);
    const key =
      old?.fingerprint === fingerprint
        ? old.key
        : createPublicKey({ key: { kty, n, e } satisfies JsonWebKey, format: 'jwk' });
    if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < MIN_MODULUS_BITS) continue;
    keys.set(kid, old?.fingerprint === fingerprint ? old : { kid, key, fingerprint, live: true });
  }
  if (keys.size === 0) throw new Error('the JWKS has no RSA signing key of 2048 bits or more');
  return keys;
}
