import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import {
  Issuer,
  nowSeconds,
  signHs256,
  signingKey,
  signRs256,
  unsigned,
  type Claims,
} from '../../../test/guard/issuer.js';
import { AccessDenied } from './denied.js';
import { KeySet } from './jwks.js';
import { TokenVerifier } from './token.js';

const ACCOUNT = '4b0d3a52-6a2f-4f0e-9d2e-0c2f8f1f7a11';

let issuer: Issuer;
let verifier: TokenVerifier;
const fault = { now: 0 };

beforeAll(async () => {
  issuer = await Issuer.start();
  const keys = new KeySet({ uri: issuer.jwksUri });
  verifier = new TokenVerifier({
    issuer: issuer.issuer,
    clientIds: ['another', issuer.clientId],
    keys,
    audience: null,
    clock: { now: () => Date.now() + fault.now, monotonic: () => performance.now() },
  });
});
afterAll(() => issuer.close());
afterEach(() => void (fault.now = 0));

const reasonOf = async (token: string): Promise<string> =>
  verifier.verify(token).then(
    () => 'accepted',
    (error: unknown) => (error instanceof AccessDenied ? error.reason : `not an AccessDenied: ${String(error)}`),
  );
const withClaims = (changes: Claims) => issuer.accessToken(ACCOUNT, changes);
const withHeader = (header: Claims) => issuer.accessToken(ACCOUNT, {}, header);

describe('an access token of the pool', () => {
  test('is accepted; the account is its username, not its sub', async () => {
    const iat = nowSeconds();
    const verified = await verifier.verify(
      withClaims({ iat, exp: iat + 300, sub: randomUUID(), 'cognito:groups': ['viewer', 'itsm_agent'] }),
    );
    expect(verified).toMatchObject({
      accountId: ACCOUNT,
      clientId: issuer.clientId,
      issuedAt: iat,
      expiresAt: iat + 300,
      tenantId: undefined,
      groups: ['viewer', 'itsm_agent'],
    });
  });

  test('names the service that acts for the account, and its audience', async () => {
    const acting = withClaims({ act: { sub: 'billing' }, exchange_audience: 'incidents' });
    expect(await verifier.verify(withClaims({}))).toMatchObject({ actor: null });
    const bound = (audience: string | null): TokenVerifier =>
      new TokenVerifier({
        issuer: issuer.issuer,
        clientIds: [issuer.clientId],
        keys: new KeySet({ uri: issuer.jwksUri }),
        audience,
      });
    expect(await bound('incidents').verify(acting)).toMatchObject({ actor: 'billing' });
    expect(await bound('incidents').verify(withClaims({}))).toMatchObject({ actor: null });
    expect(await bound(null).verify(withClaims({}))).toMatchObject({ actor: null });
    for (const audience of ['payroll', null])
      for (const token of [acting, withClaims({ act: { sub: 'billing' } })])
        await expect(bound(audience).verify(token)).rejects.toMatchObject({ reason: 'audience_mismatch' });
  });

  test('may lack groups and may name its tenant', async () => {
    const verified = await verifier.verify(withClaims({ 'cognito:groups': undefined, tenant_id: 'AAAA' }));
    expect(verified).toMatchObject({ groups: [], tenantId: 'aaaa' });
  });
});

describe('the verifier refuses, each with its reason,', () => {
  const bad: Record<string, [string, () => string]> = {
    'alg none without a signature': [
      'token_malformed',
      () => unsigned({ alg: 'none', kid: 'access-key' }, issuer.accessClaims(ACCOUNT)),
    ],
    'alg none with a signature': [
      'algorithm_not_allowed',
      () => signRs256({ alg: 'none', kid: 'access-key' }, issuer.accessClaims(ACCOUNT), issuer.key.privateKey),
    ],
    'HS256 with the public key as secret': [
      'algorithm_not_allowed',
      () => signHs256({ alg: 'HS256', kid: 'access-key' }, issuer.accessClaims(ACCOUNT), issuer.key.publicKey),
    ],
    'HS256 that claims to be RS256': [
      'signature_invalid',
      () => signHs256({ alg: 'RS256', kid: 'access-key' }, issuer.accessClaims(ACCOUNT), issuer.key.publicKey),
    ],
    RS512: ['algorithm_not_allowed', () => withHeader({ alg: 'RS512' })],
    'alg as a list': ['algorithm_not_allowed', () => withHeader({ alg: ['RS256'] })],
    'no alg': ['algorithm_not_allowed', () => withHeader({ alg: undefined })],
    crit: ['header_not_allowed', () => withHeader({ crit: ['exp'], exp: 1 })],
    jku: ['header_not_allowed', () => withHeader({ jku: 'https://attacker.example/jwks.json' })],
    x5u: ['header_not_allowed', () => withHeader({ x5u: 'https://attacker.example/cert' })],
    x5c: ['header_not_allowed', () => withHeader({ x5c: ['MII'] })],
    b64: ['header_not_allowed', () => withHeader({ b64: false })],
    'a key of the attacker in the header': [
      'header_not_allowed',
      () => ((key) => issuer.accessToken(ACCOUNT, {}, { jwk: key.jwk }, key))(signingKey('access-key')),
    ],
    'the key of another issuer under a known kid': [
      'signature_invalid',
      () => issuer.accessToken(ACCOUNT, {}, {}, signingKey('access-key')),
    ],
    'an unknown kid': ['key_unknown', () => issuer.accessToken(ACCOUNT, {}, {}, signingKey('nobody'))],
    'no kid': ['key_unknown', () => withHeader({ kid: undefined })],
    'a kid that is no text': ['key_unknown', () => withHeader({ kid: { toString: 'access-key' } })],
    'an ID token': [
      'not_an_access_token',
      () => issuer.accessToken(ACCOUNT, { token_use: 'id', aud: issuer.clientId }, {}, issuer.idKey),
    ],
    'no token_use': ['not_an_access_token', () => withClaims({ token_use: undefined })],
    'another issuer': ['issuer_mismatch', () => withClaims({ iss: issuer.issuer.replace('Example01', 'Example02') })],
    'an issuer with a slash more': ['issuer_mismatch', () => withClaims({ iss: `${issuer.issuer}/` })],
    'an actor without a name': ['claims_invalid', () => withClaims({ act: {} })],
    'an actor with an empty name': ['claims_invalid', () => withClaims({ act: { sub: '' } })],
    'an actor whose audience is null': [
      'audience_mismatch',
      () => withClaims({ act: { sub: 'billing' }, exchange_audience: null }),
    ],
    'an actor that is a text': ['claims_invalid', () => withClaims({ act: 'billing' })],
    'an actor that is null': ['claims_invalid', () => withClaims({ act: null })],
    'another client': ['client_not_allowed', () => withClaims({ client_id: 'stranger' })],
    'a list of clients': ['client_not_allowed', () => withClaims({ client_id: [issuer.clientId] })],
    expired: ['token_expired', () => withClaims({ iat: nowSeconds() - 900, exp: nowSeconds() - 6 })],
    'issued in the future': ['token_not_yet_valid', () => withClaims({ iat: nowSeconds() + 10 })],
    'issued in the future, though valid since yesterday': [
      'token_not_yet_valid',
      () => withClaims({ iat: nowSeconds() + 10, nbf: nowSeconds() - 86_400 }),
    ],
    'not before a future instant': ['token_not_yet_valid', () => withClaims({ nbf: nowSeconds() + 10 })],
    'exp as text': ['claims_invalid', () => withClaims({ exp: String(nowSeconds() + 900) })],
    'nbf as text': ['claims_invalid', () => withClaims({ nbf: String(nowSeconds()) })],
    'no exp': ['claims_invalid', () => withClaims({ exp: undefined })],
    'no iat': ['claims_invalid', () => withClaims({ iat: undefined })],
    'iat null': ['claims_invalid', () => withClaims({ iat: null })],
    'negative iat': ['claims_invalid', () => withClaims({ iat: -1 })],
    'username that is no account id': ['claims_invalid', () => withClaims({ username: 'alice' })],
    'username as a number': ['claims_invalid', () => withClaims({ username: 7 })],
    'only a sub': ['claims_invalid', () => withClaims({ username: undefined, sub: ACCOUNT })],
    'groups as text': ['claims_invalid', () => withClaims({ 'cognito:groups': 'super_admin' })],
    'groups with something else inside': ['claims_invalid', () => withClaims({ 'cognito:groups': ['viewer', 7] })],
    'tenant as an object': ['claims_invalid', () => withClaims({ tenant_id: {} })],
    'claims that are a list': [
      'token_malformed',
      () => signRs256({ alg: 'RS256', kid: 'access-key' }, [1], issuer.key.privateKey),
    ],
    'claims that are no JSON': [
      'token_malformed',
      () => signRs256({ alg: 'RS256', kid: 'access-key' }, '{"iss"', issuer.key.privateKey),
    ],
    'a header that is null': ['token_malformed', () => `${Buffer.from('null').toString('base64url')}.e30.AAAA`],
    'two parts': ['token_malformed', () => withClaims({}).split('.').slice(0, 2).join('.')],
    'five parts': ['token_malformed', () => `${withClaims({})}.a.b`],
    nothing: ['token_malformed', () => ''],
    'standard base64': ['token_malformed', () => `${withClaims({})}+/==`],
    'a megabyte of letters': ['token_malformed', () => 'a'.repeat(1 << 20)],
    'a megabyte of dots': ['token_malformed', () => '.'.repeat(1 << 20)],
    'a genuine token with a megabyte behind it': ['token_malformed', () => withClaims({}) + 'A'.repeat(1 << 20)],
  };
  test.each(Object.entries(bad))('%s', async (_, [reason, token]) => {
    expect(await reasonOf(token())).toBe(reason);
  });

  test('a token that is cut off anywhere', async () => {
    const token = withClaims({});
    for (let length = 0; length < token.length; length += 7)
      expect(await reasonOf(token.slice(0, length))).toMatch(/^(token_malformed|signature_invalid)$/);
  });

  test('a token in which any one character is changed, including the last bits of the signature', async () => {
    const token = withClaims({});
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.';
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...alphabet), async (at, letter) => {
        fc.pre(token[at] !== letter);
        expect(await reasonOf(token.slice(0, at) + letter + token.slice(at + 1))).not.toMatch(/^(accepted|not an)/);
      }),
      {
        numRuns: 300,
        examples: [...alphabet].filter((l) => l !== token.at(-1)).map((l) => [token.length - 1, l] as [number, string]),
      },
    );
  });

  test('garbage of any kind, with AccessDenied and nothing else', async () => {
    const part = fc.oneof(
      fc.json().map((j) => Buffer.from(j).toString('base64url')),
      fc.string(),
      fc.base64String(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        expect(await reasonOf(parts.join('.'))).not.toMatch(/^(accepted|not an)/);
      }),
      { numRuns: 500 },
    );
  });

  test('signed claims of any shape, with AccessDenied and nothing else', async () => {
    const name = fc.constantFrom(
      'iss',
      'token_use',
      'client_id',
      'username',
      'exp',
      'iat',
      'nbf',
      'tenant_id',
      'cognito:groups',
    );
    await fc.assert(
      fc.asyncProperty(name, fc.jsonValue(), async (claim, value) => {
        const reason = await reasonOf(withClaims({ [claim]: value }));
        expect(reason).not.toMatch(/^not an/);
        if (['iss', 'token_use', 'client_id', 'username'].includes(claim)) expect(reason).not.toBe('accepted');
      }),
      { numRuns: 100 },
    );
  });
});

describe('clocks that differ', () => {
  test.each([
    ['4 s behind the issuer', -4_000, 'accepted'],
    ['7 s behind the issuer', -7_000, 'token_not_yet_valid'],
  ])('this machine %s', async (_, offset, outcome) => {
    fault.now = offset;
    const iat = nowSeconds();
    expect(await reasonOf(withClaims({ iat, exp: iat + 900 }))).toBe(outcome);
  });

  test('accept a token that expired 3 s ago, but not one that expired 6 s ago', async () => {
    const token = withClaims({});
    fault.now = (900 + 3) * 1000;
    expect(await reasonOf(token)).toBe('accepted');
    fault.now = (900 + 6) * 1000;
    expect(await reasonOf(token)).toBe('token_expired');
  });
});

test('refuses to be created without a client', () => {
  const options = { issuer: issuer.issuer, audience: 'incidents', keys: new KeySet({ uri: issuer.jwksUri }) };
  for (const clientIds of [[], [''], ['', ' ']])
    expect(() => new TokenVerifier({ ...options, clientIds })).toThrow(/clientIds is empty/);
});

test.each([undefined, ''])('refuses to be created with the audience %j', (audience) => {
  const options = { issuer: issuer.issuer, clientIds: ['x'], keys: new KeySet({ uri: issuer.jwksUri }) };
  expect(() => new TokenVerifier({ ...options, audience: audience as string })).toThrow(/audience is missing/);
});
