/** Each fault changes exactly one thing in a token. */
import { z } from 'zod';
import type { Draft, Signers } from './draft.js';

export const tokenFaults = [
  'wrong-key',
  'dropped-key',
  'alg-none',
  'hs256-client-secret',
  'hs256-public-key',
  'jwk-header',
  'jku-header',
  'crit-header',
  'wrong-iss',
  'wrong-aud',
  'missing-azp',
  'wrong-azp',
  'wrong-nonce',
  'wrong-at-hash',
  'expired',
  'future-iat',
  'old-iat',
  'old-auth-time',
  'missing-claim',
] as const;
export type TokenFault = (typeof tokenFaults)[number];

export const tokenFaultDetails = z.object({
  /** For `missing-claim`. */
  claim: z.string().min(1).max(50).default('sub'),
  /** For faults in a time claim: the distance between the claim and now, in seconds. */
  seconds: z.int().min(0).max(10_000_000).optional(),
});
export type TokenFaultDetails = z.output<typeof tokenFaultDetails>;

export interface FaultContext extends TokenFaultDetails {
  readonly signers: Signers;
  /** Address of the keys of forged tokens, for the header `jku`. */
  readonly foreignKeysUrl: string;
  readonly now: number;
}

const OTHER_CLIENT = '0oaSomebodyElsesApp0';
const FOREIGN = 'foreign-key' as const;
const CRITICAL = 'urn:stackflow:sandbox:unknown';

type Change = (draft: Draft, context: FaultContext) => Draft;

const header = (extra: object, draft: Draft): Draft => ({ ...draft, header: { ...draft.header, ...extra } });
const claims = (extra: object, draft: Draft): Draft => ({ ...draft, claims: { ...draft.claims, ...extra } });
const signedBy = (signedWith: Draft['signedWith'], draft: Draft): Draft => ({ ...draft, signedWith });
const hmac = (signedWith: Draft['signedWith'], draft: Draft): Draft =>
  signedBy(signedWith, header({ alg: 'HS256' }, draft));

function foreign(draft: Draft, { signers }: FaultContext): Draft {
  return signedBy(FOREIGN, header({ kid: signers.foreign.kid }, draft));
}

const changes: Readonly<Record<TokenFault, Change>> = {
  'wrong-key': (d) => signedBy(FOREIGN, d),
  'dropped-key': foreign,
  'alg-none': (d) => signedBy('nothing', d),
  'hs256-client-secret': (d) => hmac('client-secret', d),
  'hs256-public-key': (d) => hmac('public-key', d),
  'jwk-header': (d, c) => header({ jwk: c.signers.foreign.publicJwk }, foreign(d, c)),
  'jku-header': (d, c) => header({ jku: c.foreignKeysUrl }, foreign(d, c)),
  'crit-header': (d) => header({ crit: [CRITICAL], [CRITICAL]: true }, d),

  'wrong-iss': (d) => claims({ iss: 'https://attacker.okta.example' }, d),
  'wrong-aud': (d) => claims({ aud: OTHER_CLIENT }, d),
  'missing-azp': (d) => claims({ aud: [d.claims.aud, OTHER_CLIENT].flat() }, d),
  'wrong-azp': (d) => claims({ azp: OTHER_CLIENT }, d),
  'wrong-nonce': (d) => claims({ nonce: 'the nonce of another login' }, d),
  'wrong-at-hash': (d) => claims({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }, d),
  // `iat` is earlier than `exp`, so that `exp` is the only wrong claim.
  expired: (d, { now, seconds = 120 }) => claims({ iat: now - seconds - 60, exp: now - seconds }, d),
  'future-iat': (d, { now, seconds = 600 }) => claims({ iat: now + seconds, exp: now + seconds + 3_600 }, d),
  'old-iat': (d, { now, seconds = 1_200 }) => claims({ iat: now - seconds, exp: now + 3_600 }, d),
  'old-auth-time': (d, { now, seconds = 86_400 }) => claims({ auth_time: now - seconds }, d),
  'missing-claim': (d, { claim }) => ({
    ...d,
    claims: Object.fromEntries(Object.entries(d.claims).filter(([name]) => name !== claim)),
  }),
};

export const spoil = (fault: TokenFault, draft: Draft, context: FaultContext): Draft => changes[fault](draft, context);
