/**
 * The secret of a tenant's SCIM token lists the accepted hashes: the current hash, the hash at AWSPREVIOUS until
 * `previousValidUntil`, and `earlier` hashes. A rotation must not end the grace period of an earlier hash: after two
 * rotations, Okta may still have the token from before both.
 */
import { z } from 'zod';
import { SecretStoreUnavailable, type SecretStore } from './store.js';
import { generateScimToken, hashScimToken } from './token.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const instant = z.iso.datetime({ offset: true });
const secretValue = z.object({
  hash,
  issuedAt: instant,
  previousValidUntil: instant.nullable(),
  earlier: z.array(z.object({ hash, validUntil: instant })).default([]),
});
export type ScimTokenSecret = z.infer<typeof secretValue>;

/** The hash of a token that is accepted until `validUntil` (milliseconds since 1970; Infinity for the current one). */
export interface AcceptedHash {
  readonly hash: string;
  readonly which: 'current' | 'previous';
  readonly validUntil: number;
}

export interface IssuedScimToken {
  /** The token is shown once and not stored anywhere. */
  readonly token: string;
  readonly issuedAt: Date;
  /** Until when the previous token is accepted; null means that it is not accepted. */
  readonly previousValidUntil: Date | null;
}

export const DEFAULT_GRACE_MS = 24 * 3_600_000;
/**
 * Largest number of `earlier` hashes, because the size of the secret is limited. A rotation that exceeds this number
 * ends the oldest token before its grace period is over.
 */
const MAX_EARLIER = 10;

export const scimTokenSecretName = (tenantId: string): string => `stackflow/${tenantId}/scim-token`;

/**
 * Issues the first token of a tenant. An existing secret is replaced: an earlier attempt stored it and failed before
 * anybody saw the token.
 */
export async function createScimToken(
  store: SecretStore,
  tenantId: string,
  now = Date.now(),
): Promise<IssuedScimToken> {
  const token = generateScimToken(tenantId);
  const issuedAt = new Date(now);
  const value = write({
    hash: hashScimToken(token),
    issuedAt: issuedAt.toISOString(),
    previousValidUntil: null,
    earlier: [],
  });
  const name = scimTokenSecretName(tenantId);
  if (!(await store.create(name, value))) await store.put(name, value);
  return { token, issuedAt, previousValidUntil: null };
}

/**
 * Issues a new token. The previous token stays valid for `graceMs`, so that no push fails until Okta has the new one; 0
 * revokes every older token at once. Callers serialize the rotations of one tenant.
 */
export async function rotateScimToken(
  store: SecretStore,
  tenantId: string,
  graceMs = DEFAULT_GRACE_MS,
  now = Date.now(),
): Promise<IssuedScimToken> {
  const name = scimTokenSecretName(tenantId);
  const current = await readStage(store, name, 'AWSCURRENT');
  if (!current) return createScimToken(store, tenantId, now);
  const token = generateScimToken(tenantId);
  // Services notice a rotation because `issuedAt` changes.
  const issuedAt = new Date(Math.max(now, Date.parse(current.issuedAt) + 1));
  const previousValidUntil = graceMs > 0 ? new Date(now + graceMs) : null;
  const earlier = graceMs > 0 ? await stillValid(store, name, current, now) : [];
  await store.put(
    name,
    write({
      hash: hashScimToken(token),
      issuedAt: issuedAt.toISOString(),
      previousValidUntil: previousValidUntil?.toISOString() ?? null,
      earlier,
    }),
  );
  return { token, issuedAt, previousValidUntil };
}

/**
 * Returns the older hashes that are still accepted. The new version must list them, because storing it overwrites the
 * hash at AWSPREVIOUS.
 */
async function stillValid(
  store: SecretStore,
  name: string,
  current: ScimTokenSecret,
  now: number,
): Promise<ScimTokenSecret['earlier']> {
  const accepted = await acceptedBeside(store, name, current);
  return accepted
    .filter((a) => a.which === 'previous' && a.validUntil > now)
    .slice(0, MAX_EARLIER)
    .map((a) => ({ hash: a.hash, validUntil: new Date(a.validUntil).toISOString() }));
}

/** Returns the accepted hashes, or null if the tenant has no token. Some of the hashes may have expired. */
export async function readAcceptedHashes(
  store: SecretStore,
  tenantId: string,
): Promise<readonly AcceptedHash[] | null> {
  const name = scimTokenSecretName(tenantId);
  const current = await readStage(store, name, 'AWSCURRENT');
  return current && acceptedBeside(store, name, current);
}

async function acceptedBeside(store: SecretStore, name: string, current: ScimTokenSecret): Promise<AcceptedHash[]> {
  const accepted: AcceptedHash[] = [{ hash: current.hash, which: 'current', validUntil: Infinity }];
  if (current.previousValidUntil !== null) {
    const previous = await readStage(store, name, 'AWSPREVIOUS');
    // If both reads returned the same hash, a rotation happened between them, so `current` is outdated.
    if (previous?.hash === current.hash) {
      const newer = await readStage(store, name, 'AWSCURRENT');
      if (newer && newer.hash !== current.hash) return acceptedBeside(store, name, newer);
    } else if (previous) {
      accepted.push({ hash: previous.hash, which: 'previous', validUntil: Date.parse(current.previousValidUntil) });
    }
  }
  for (const e of current.earlier)
    accepted.push({ hash: e.hash, which: 'previous', validUntil: Date.parse(e.validUntil) });
  return accepted;
}

async function readStage(
  store: SecretStore,
  name: string,
  stage: 'AWSCURRENT' | 'AWSPREVIOUS',
): Promise<ScimTokenSecret | null> {
  const text = await store.read(name, stage);
  if (text === null) return null;
  try {
    return secretValue.parse(JSON.parse(text));
  } catch {
    // The parser's message would quote the value, so it is not used.
    throw new SecretStoreUnavailable(
      name,
      new Error(`the ${stage} value does not have the format that StackFlow writes; rotate the token`),
    );
  }
}

const write = (value: ScimTokenSecret): string => JSON.stringify(value);
