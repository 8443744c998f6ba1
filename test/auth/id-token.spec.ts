/** The verification of ID tokens, with a provider that signs anything that an attacker wants. */
import { createHash } from 'node:crypto';
import { OidcError, OidcProvider, type IdTokenExpectations } from '#okta';
import { signHs256, signingKey, signRs256, unsigned, type Claims } from '../guard/issuer.js';
import { CLIENT_ID, HostileProvider } from '../support/auth-provider.js';

const ISSUER = 'https://acme.okta.com';
let op: HostileProvider;
let provider: OidcProvider;
const opened: OidcProvider[] = [];
const open = (options = {}): OidcProvider => {
  const made = new OidcProvider({ override: op.origin, timeoutMs: 30_000, ...options });
  opened.push(made);
  return made;
};

beforeAll(async () => {
  op = await new HostileProvider().start();
});
beforeEach(() => {
  op.reset();
  provider = open();
});
afterAll(async () => {
  for (const p of opened) p.close();
  await op.stop();
});

const verify = (token: string, change: Partial<IdTokenExpectations> = {}) =>
  provider.verifyIdToken(token, { issuer: ISSUER, clientId: CLIENT_ID, ...change });
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: unknown) => (error instanceof OidcError ? error.code : String(error)),
  );
const refusal = (claims: Claims, change: Partial<IdTokenExpectations> = {}) =>
  codeOf(verify(op.sign(op.idTokenClaims(claims)), change));
const header = (change: Claims = {}): Claims => ({ alg: 'RS256', kid: op.key.kid, ...change });

describe('an ID token', () => {
  it('of the provider and for our client is accepted', async () => {
    expect(await verify(op.sign(op.idTokenClaims()))).toMatchObject({ sub: op.sub, amr: ['pwd', 'mfa'] });
    expect(await codeOf(verify(signRs256(header({ typ: 'JWT' }), op.idTokenClaims(), op.key.privateKey)))).toBe(
      'accepted',
    );
  });

  describe('is refused if it is forged:', () => {
    it.each([
      ['unsigned', () => unsigned({ alg: 'none' }, op.idTokenClaims()), 'algorithm_not_allowed'],
      ['unsigned, with a key id', () => unsigned(header({ alg: 'none' }), op.idTokenClaims()), 'algorithm_not_allowed'],
      ['unsigned but called RS256', () => unsigned(header(), op.idTokenClaims()), 'signature_invalid'],
      [
        'signed by the public key as an HMAC secret',
        () => signHs256(header({ alg: 'HS256' }), op.idTokenClaims(), op.key.publicKey),
        'algorithm_not_allowed',
      ],
      [
        'signed by a foreign key under a published key id',
        () => signRs256(header(), op.idTokenClaims(), signingKey('foreign').privateKey),
        'signature_invalid',
      ],
      [
        'signed by a key that is not published',
        () => signRs256(header({ kid: 'unknown' }), op.idTokenClaims(), op.secondKey.privateKey),
        'key_unknown',
      ],
      [
        'without a key id',
        () => signRs256({ alg: 'RS256' }, op.idTokenClaims(), op.key.privateKey),
        'header_not_allowed',
      ],
      ['text instead of a JWT', () => 'garbage', 'token_malformed'],
      ['empty', () => '', 'token_malformed'],
      [
        'without a signature part',
        () => op.sign(op.idTokenClaims()).split('.').slice(0, 2).join('.'),
        'token_malformed',
      ],
      ['null as its claims', () => signRs256(header(), null, op.key.privateKey), 'token_malformed'],
      ['oversized', () => op.sign(op.idTokenClaims({ pad: 'x'.repeat(20_000) })), 'token_malformed'],
    ])('%s', async (_, token, code) => {
      expect(await codeOf(verify(token()))).toBe(code);
    });

    it.each(['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip'])(
      'correctly signed, but with the header %s',
      async (name) => {
        const token = signRs256(
          header({ [name]: name === 'crit' ? ['exp'] : 'x' }),
          op.idTokenClaims(),
          op.key.privateKey,
        );
        expect(await codeOf(verify(token))).toBe('header_not_allowed');
      },
    );

    it.each(['at+jwt', 'logout+jwt', 'global-token-revocation+jwt', 7])('of another kind: %s', async (typ) => {
      expect(await codeOf(verify(signRs256(header({ typ }), op.idTokenClaims(), op.key.privateKey)))).toBe(
        'header_not_allowed',
      );
    });
  });

  describe('is accepted or refused by its claims:', () => {
    it.each<[string, Claims, string]>([
      ['another issuer', { iss: 'https://evil.okta.com' }, 'issuer_mismatch'],
      ['the issuer with a slash', { iss: 'SLASH' }, 'issuer_mismatch'],
      ['another client', { aud: 'other' }, 'audience_mismatch'],
      ['several audiences without us', { aud: ['a', 'b'], azp: CLIENT_ID }, 'audience_mismatch'],
      ['several audiences without azp', { aud: [CLIENT_ID, 'other'] }, 'azp_mismatch'],
      ['several audiences, azp of another client', { aud: [CLIENT_ID, 'other'], azp: 'other' }, 'azp_mismatch'],
      ['azp of another client', { azp: 'other' }, 'azp_mismatch'],
      ['several audiences, azp of our client', { aud: [CLIENT_ID, 'other'], azp: CLIENT_ID }, 'accepted'],
      ['no subject', { sub: undefined }, 'claim_invalid'],
      ['an empty subject', { sub: '' }, 'claim_invalid'],
      ['a list as subject', { sub: ['a'] }, 'claim_invalid'],
      ['no expiry', { exp: undefined }, 'claim_invalid'],
      ['a text as expiry', { exp: 'never' }, 'claim_invalid'],
      ['no time of issue', { iat: undefined }, 'claim_invalid'],
      ['no audience', { aud: undefined }, 'audience_mismatch'],
    ])('%s', async (_, claims, code) => {
      const iss = claims.iss === 'SLASH' ? { iss: `${op.origin}/` } : {};
      expect(await refusal({ ...claims, ...iss })).toBe(code);
    });
  });

  it('must contain the nonce of its request', async () => {
    expect(await refusal({ nonce: 'mine' }, { nonce: 'mine' })).toBe('accepted');
    expect(await refusal({ nonce: 'other' }, { nonce: 'mine' })).toBe('nonce_mismatch');
    expect(await refusal({}, { nonce: 'mine' })).toBe('nonce_mismatch');
    expect(await refusal({ nonce: '' }, { nonce: '' })).toBe('nonce_mismatch');
  });

  it('must match its access token if it has at_hash', async () => {
    const at_hash = createHash('sha256').update('access').digest().subarray(0, 16).toString('base64url');
    expect(await refusal({ at_hash }, { accessToken: 'access' })).toBe('accepted');
    expect(await refusal({ at_hash }, { accessToken: 'another' })).toBe('at_hash_mismatch');
    expect(await refusal({}, { accessToken: 'access' })).toBe('accepted');
  });

  it('must name a second factor if one is required', async () => {
    expect(await refusal({ amr: ['pwd', 'mfa'] }, { requireMfa: true })).toBe('accepted');
    expect(await refusal({ amr: ['pwd'] }, { requireMfa: true })).toBe('mfa_missing');
    expect(await refusal({ amr: undefined }, { requireMfa: true })).toBe('mfa_missing');
    expect(await refusal({ amr: 'mfa' }, { requireMfa: true })).toBe('claim_invalid');
  });
});

describe('the time of an ID token', () => {
  const at = 1_900_000_000;
  const now = (): number => at * 1000;
  it.each<[string, Claims, Partial<IdTokenExpectations>, string]>([
    ['expired within the skew', { iat: at - 300, exp: at - 59 }, {}, 'accepted'],
    ['expired at the skew', { iat: at - 300, exp: at - 60 }, {}, 'expired'],
    ['issued ahead within the skew', { iat: at + 60, exp: at + 600 }, {}, 'accepted'],
    ['issued ahead beyond the skew', { iat: at + 61, exp: at + 600 }, {}, 'issued_in_future'],
    ['not valid before, beyond the skew', { iat: at, nbf: at + 61, exp: at + 600 }, {}, 'issued_in_future'],
    ['ten minutes old', { iat: at - 600, exp: at + 600 }, {}, 'accepted'],
    ['older than ten minutes', { iat: at - 601, exp: at + 600 }, {}, 'too_old'],
    ['older than the caller allows', { iat: at - 301, exp: at + 600 }, { maxTokenAge: 300 }, 'too_old'],
    ['signed in within max_age and skew', { iat: at, exp: at + 9, auth_time: at - 360 }, { maxAge: 300 }, 'accepted'],
    ['signed in too long ago', { iat: at, exp: at + 9, auth_time: at - 361 }, { maxAge: 300 }, 'auth_too_old'],
    [
      'max_age requested, but no auth_time',
      { iat: at, exp: at + 9, auth_time: undefined },
      { maxAge: 300 },
      'auth_too_old',
    ],
  ])('%s', async (_, claims, expected, code) => {
    expect(await refusal(claims, { now, ...expected })).toBe(code);
  });
});

describe("the provider's keys", () => {
  it('may rotate: a token of a new key is accepted at once, even just after the old keys were fetched', async () => {
    expect(await refusal({})).toBe('accepted');
    op.published = [op.key.jwk, op.secondKey.jwk];
    op.signWith('second', op.secondKey.privateKey);
    expect(await refusal({})).toBe('accepted');
  });

  it('are not fetched for each token with an unknown key id', async () => {
    expect(await refusal({})).toBe('accepted');
    const before = op.jwksFetches;
    op.signWith('nobody', op.secondKey.privateKey);
    for (let i = 0; i < 20; i++) expect(await refusal({})).toBe('key_unknown');
    expect(op.jwksFetches - before).toBeLessThan(10);
  });

  it('are no longer accepted after the provider removed them and the cache expired', async () => {
    provider = open({ keyCacheMs: 0 });
    expect(await refusal({})).toBe('accepted');
    op.published = [op.secondKey.jwk];
    expect(await refusal({})).toBe('key_unknown');
  });

  it('are served from the cache while it is fresh', async () => {
    await refusal({});
    const before = op.jwksFetches;
    for (let i = 0; i < 5; i++) expect(await refusal({})).toBe('accepted');
    expect(op.jwksFetches).toBe(before);
  });

  it.each<[string, () => void]>([
    ['garbage', () => (op.jwks = () => ({ body: '<html>' }))],
    ['no keys', () => (op.jwks = () => ({ body: '{"keys":"none"}' }))],
    ['an error', () => (op.jwks = () => ({ status: 500, body: '' }))],
  ])('answered with %s refuse a token for the moment, and accept it later', async (_, breakIt) => {
    breakIt();
    expect(await refusal({})).toBe('provider_unavailable');
    op.reset();
    expect(await refusal({})).toBe('accepted');
  });

  it('are not read from the target of a redirect', async () => {
    op.jwks = () => ({ status: 302, headers: { location: `${op.origin}/oauth2/v1/keys?again` }, body: '' });
    expect(await refusal({})).toBe('provider_invalid');
  });
});
