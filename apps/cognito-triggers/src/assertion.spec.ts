import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWK } from 'jose';
import { ASSERTION, assertionAudience, parseAssertionKeys, ASSERTION_REFUSALS } from './assertion.js';
import type { PreTokenGenerationEvent, VerifyAuthChallengeResponseEvent } from './events.js';
import type { TriggerLogEntry } from './log.js';
import { preTokenGeneration } from './pre-token-generation.js';
import { verifyAuthChallengeResponse } from './verify-auth-challenge-response.js';

type Claims = Record<string, unknown>;

const NONCE = 'n'.repeat(43);
const common = {
  version: '1',
  region: 'us-east-1',
  userPoolId: 'us-east-1_Example01',
  userName: 'anna',
  callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: 'client' },
};
const userAttributes = { sub: 'x', 'custom:tenant_id': 'acme', 'custom:external_id': '00u1', 'custom:role': 'viewer' };
const seconds = (): number => Math.floor(Date.now() / 1000);

let privateKey: CryptoKey;
let publicJwk: JWK;
let otherKey: CryptoKey;
beforeAll(async () => {
  const [pair, other] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
  privateKey = pair.privateKey;
  publicJwk = { ...(await exportJWK(pair.publicKey)), kid: 'key-1' };
  otherKey = other.privateKey;
});

const jwks = (...keys: object[]): string => JSON.stringify({ keys: keys.length > 0 ? keys : [publicJwk] });
const claimsOf = (changes: Claims = {}): Claims => ({
  iss: ASSERTION.issuer,
  sub: 'anna',
  aud: assertionAudience(common.userPoolId, 'client'),
  nonce: NONCE,
  jti: 'jti-1',
  iat: seconds(),
  exp: seconds() + 60,
  okta_sub: '00u1',
  tenant_id: 'acme',
  ...changes,
});
const assertion = (changes: Claims = {}, header: Claims = {}, key = privateKey): Promise<string> =>
  new SignJWT(claimsOf(changes))
    .setProtectedHeader({ alg: 'ES256', typ: ASSERTION.type, kid: 'key-1', ...header })
    .sign(key);

describe('VerifyAuthChallengeResponse', () => {
  type Request = VerifyAuthChallengeResponseEvent['request'];
  const verify = async (challengeAnswer: string, request: Partial<Request> = {}) => {
    const logged: TriggerLogEntry[] = [];
    const handler = verifyAuthChallengeResponse(parseAssertionKeys(jwks()), (entry) => logged.push(entry));
    const { response } = await handler({
      ...common,
      triggerSource: 'VerifyAuthChallengeResponse_Authentication',
      request: { userAttributes, privateChallengeParameters: { nonce: NONCE }, challengeAnswer, ...request },
      response: {},
    });
    expect(logged).toHaveLength(response.answerCorrect ? 0 : 1);
    return { correct: response.answerCorrect, logged: logged[0] };
  };

  it('accepts the assertion of auth-service for this challenge', async () => {
    expect(await verify(await assertion())).toEqual({ correct: true, logged: undefined });
    const carried = await assertion({ sso_sid: 's', act: { sub: 'svc' } });
    expect(await verify(carried, { clientMetadata: { assertion: carried } })).toMatchObject({ correct: true });
  });

  it.each<[(typeof ASSERTION_REFUSALS)[number], string, () => Promise<string>, Partial<Request>]>([
    ['malformed', 'a text that is no token', async () => 'x', {}],
    ['malformed', 'an empty answer', async () => '', {}],
    [
      'algorithm_not_allowed',
      'alg none',
      async () => new UnsecuredJWT(claimsOf()).encode().replace(/^[^.]+/, () => encode({ alg: 'none', kid: 'key-1' })),
      {},
    ],
    [
      'algorithm_not_allowed',
      'HS256',
      () =>
        new SignJWT(claimsOf())
          .setProtectedHeader({ alg: 'HS256', typ: ASSERTION.type, kid: 'key-1' })
          .sign(Buffer.from(JSON.stringify(publicJwk))),
      {},
    ],
    ['header_not_allowed', 'a key set of its own', () => assertion({}, { jku: 'https://evil.example' }), {}],
    ['key_unknown', 'an unknown key id', () => assertion({}, { kid: 'key-9' }), {}],
    ['key_unknown', 'no key id', () => assertion({}, { kid: undefined }), {}],
    ['signature_invalid', 'another key', () => assertion({}, {}, otherKey), {}],
    ['expired', 'an exp in the past', () => assertion({ iat: seconds() - 70, exp: seconds() - 10 }), {}],
    ['expired', 'an old iat', () => assertion({ iat: seconds() - 120, exp: seconds() + 60 }), {}],
    ['claim_invalid', 'an iat in the future', () => assertion({ iat: seconds() + 30, exp: seconds() + 60 }), {}],
    ['lifetime_too_long', 'no exp', () => assertion({ exp: undefined }), {}],
    ['claim_invalid', 'no iat', () => assertion({ iat: undefined }), {}],
    ['claim_invalid', 'no tenant', () => assertion({ tenant_id: undefined }), {}],
    ['claim_invalid', 'no Okta user', () => assertion({ okta_sub: undefined }), {}],
    ['user_mismatch', 'no user', () => assertion({ sub: undefined }), {}],
    ['lifetime_too_long', 'a lifetime of two minutes', () => assertion({ exp: seconds() + 120 }), {}],
    ['claim_invalid', 'another type', () => assertion({}, { typ: 'JWT' }), {}],
    ['claim_invalid', 'another issuer', () => assertion({ iss: 'x' }), {}],
    ['claim_invalid', 'another client', () => assertion({ aud: assertionAudience(common.userPoolId, 'x') }), {}],
    ['claim_invalid', 'no jti', () => assertion({ jti: undefined }), {}],
    ['claim_invalid', 'a blank jti', () => assertion({ jti: '' }), {}],
    ['claim_invalid', 'a nonce that is not a text', () => assertion({ nonce: 7 }), {}],
    ['claim_invalid', 'an audience that is not a text', () => assertion({ exchange_audience: ['a'] }), {}],
    ['claim_invalid', 'an act that is not an object', () => assertion({ act: 'svc' }), {}],
    ['user_mismatch', 'another user', () => assertion({ sub: 'bob' }), {}],
    ['tenant_mismatch', 'another tenant', () => assertion({ tenant_id: 'other' }), {}],
    ['tenant_mismatch', 'a user without a tenant', () => assertion(), { userAttributes: {} }],
    ['okta_user_mismatch', 'another Okta user', () => assertion({ okta_sub: '00u2' }), {}],
    ['nonce_mismatch', 'another nonce', () => assertion({ nonce: 'm'.repeat(43) }), {}],
    ['nonce_mismatch', 'no nonce', () => assertion({ nonce: undefined }), {}],
    [
      'nonce_mismatch',
      'a challenge without stored parameters',
      () => assertion(),
      { privateChallengeParameters: null },
    ],
    [
      'nonce_mismatch',
      'no nonce in the assertion or the challenge',
      () => assertion({ nonce: undefined }),
      { privateChallengeParameters: {} },
    ],
    ['metadata_mismatch', 'an act that is missing in the metadata', () => assertion({ act: { sub: 'svc' } }), {}],
    ['metadata_mismatch', 'a session that is missing in the metadata', () => assertion({ sso_sid: 's' }), {}],
    ['metadata_mismatch', 'other metadata', () => assertion(), { clientMetadata: { assertion: 'x' } }],
    ['user_not_found', 'an unknown user', () => assertion(), { userNotFound: true }],
  ])('refuses with %s: %s', async (code, _, answer, request) => {
    const text = await answer();
    const { correct, logged } = await verify(text, request);
    expect([correct, logged?.code]).toEqual([false, code]);
    expect(logged).toMatchObject({ userName: 'anna', clientId: 'client' });
    if (text.length > 10) expect(JSON.stringify(logged)).not.toContain(text.split('.')[1]);
  });
});

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('parseAssertionKeys', () => {
  it('accepts only public P-256 keys with different key ids, so that a function with other keys does not load', async () => {
    const { privateKey: rsaKey, publicKey: rsa } = await generateKeyPair('RS256', { extractable: true });
    const { privateKey: secret } = await generateKeyPair('ES256', { extractable: true });
    const bad = [
      '',
      'x',
      '[]',
      'null',
      '{}',
      '{"keys":[]}',
      '{"keys":[null]}',
      jwks({ ...publicJwk, kid: undefined }),
      jwks(publicJwk, publicJwk),
      jwks({ ...publicJwk, x: 'AAAA' }),
      jwks({ ...(await exportJWK(rsa)), kid: 'rsa' }),
      jwks({ ...(await exportJWK(rsaKey)), kid: 'rsa' }),
      jwks(publicJwk, { ...(await exportJWK(secret)), kid: 'private' }),
    ];
    for (const json of bad) expect(() => parseAssertionKeys(json)).toThrow('ASSERTION_JWKS must be a JWKS');
    expect(() => parseAssertionKeys(jwks(publicJwk, { ...publicJwk, kid: 'key-2' }))).not.toThrow();
  });
});

describe('PreTokenGeneration', () => {
  type Request = PreTokenGenerationEvent['request'];
  const groupConfiguration = { groupsToOverride: ['viewer'], iamRolesToOverride: ['arn'], preferredRole: 'arn' };
  const generate = async (request: Partial<Request> = {}) => {
    const { response } = await preTokenGeneration(parseAssertionKeys(jwks()))({
      ...common,
      version: '2',
      triggerSource: 'TokenGeneration_Authentication',
      request: { userAttributes, groupConfiguration, ...request },
      response: {},
    });
    return response.claimsAndScopeOverrideDetails;
  };

  it('adds roles and tenant from the pool and keeps the groups', async () => {
    expect(await generate()).toEqual({
      idTokenGeneration: { claimsToSuppress: [] },
      accessTokenGeneration: {
        scopesToAdd: ['stackflow'],
        scopesToSuppress: ['aws.cognito.signin.user.admin'],
        claimsToAddOrOverride: { roles: ['viewer'], tenant_id: 'acme', okta_sub: '00u1' },
      },
      groupOverrideDetails: groupConfiguration,
    });
    const none = await generate({ groupConfiguration: {}, userAttributes: { 'custom:tenant_id': 'acme' } });
    expect(none?.accessTokenGeneration?.claimsToAddOrOverride).toEqual({ roles: [], tenant_id: 'acme' });
  });

  it('removes a role from the ID token when the user has left its group', async () => {
    const details = await generate({ groupConfiguration: { groupsToOverride: ['itsm_agent'] } });
    expect(details?.idTokenGeneration).toEqual({ claimsToSuppress: ['custom:role'] });
  });

  it('adds claims from a verified assertion, and none from unsigned metadata', async () => {
    const acting = { act: { sub: 'svc' }, exchange_audience: 'incidents' };
    const token = await assertion({ nonce: undefined, sso_sid: 's-1', ...acting });
    const forged = {
      sso_sid: 'forged',
      act: 'forged',
      exchange_audience: 'forged',
      tenant_id: 'forged',
      roles: 'super_admin',
      okta_sub: 'forged',
    };
    const expected = { roles: ['viewer'], tenant_id: 'acme', okta_sub: '00u1' };
    const claims = async (clientMetadata: Record<string, string>) =>
      (await generate({ clientMetadata }))?.accessTokenGeneration?.claimsToAddOrOverride;
    expect(await claims(forged)).toEqual(expected);
    expect(await claims({ ...forged, assertion: token })).toEqual({ ...expected, sso_sid: 's-1', ...acting });
  });

  it('refuses tokens for a user without a tenant, and with an invalid assertion', async () => {
    await expect(generate({ userAttributes: {} })).rejects.toThrow('no tenant');
    const bad = [
      'x',
      '',
      await assertion({ sub: 'bob' }),
      await assertion({ tenant_id: 'other' }),
      await assertion({}, {}, otherKey),
      await assertion({ exp: seconds() - 10, iat: seconds() - 70 }),
    ];
    for (const token of bad)
      await expect(generate({ clientMetadata: { assertion: token } })).rejects.toMatchObject({
        name: 'AssertionRefused',
      });
  });
});
