/** CUSTOM_AUTH on the sandbox Cognito, with the triggers of the product, through the AWS SDK. */
import {
  AdminDisableUserCommand,
  AdminInitiateAuthCommand,
  CreateUserPoolClientCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, SignJWT, UnsecuredJWT } from 'jose';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { KeySet, TokenVerifier } from '#access-guard';
import { assertionKey, Bridge, jwksOf, OKTA_SUB, TENANT, type AssertionKey } from '../support/cognito-sign-in.js';
import { outcome, startSandbox, type RunningSandbox } from '../support/sandbox.js';

const INCORRECT = { name: 'NotAuthorizedException', message: 'Incorrect username or password.' };

describe('custom authentication', () => {
  let running: RunningSandbox;
  let bridge: Bridge;
  let key: AssertionKey;
  let next: AssertionKey;
  let username: string;
  beforeAll(async () => {
    [key, next] = await Promise.all([assertionKey('key-1'), assertionKey('key-2')]);
    running = await startSandbox({
      customAttributes: ['tenant_id', 'external_id', 'role'],
      assertionJwks: jwksOf(key, next),
    });
    bridge = await Bridge.of(running, key);
    username = await bridge.user({ email: 'anna@example.com', email_verified: 'true', 'custom:role': 'itsm_agent' }, [
      'itsm_agent',
      'viewer',
    ]);
  });
  afterAll(() => running.stop());

  const jwksUri = (): string => `${running.sandbox.endpoints.cognito}/${running.poolId}/.well-known/jwks.json`;
  const issuer = (): string => `https://cognito-idp.us-east-1.amazonaws.com/${running.poolId}`;

  describe('a right answer', () => {
    it('brings an access token that the access guard accepts', async () => {
      const { access } = await bridge.signIn(username);
      const verifier = new TokenVerifier({
        issuer: issuer(),
        clientIds: [bridge.client.id],
        audience: null,
        keys: new KeySet({ uri: jwksUri() }),
      });
      expect(await verifier.verify(access)).toMatchObject({
        accountId: username,
        tenantId: TENANT,
        groups: ['itsm_agent', 'viewer'],
        clientId: bridge.client.id,
      });
    });

    it('brings both tokens with Cognito’s claims, signed with different keys', async () => {
      const { access, id, refresh } = await bridge.signIn(username, {
        sso_sid: 'session-7',
        act: { sub: 'reporting-service' },
      });
      const keys = createRemoteJWKSet(new URL(jwksUri()));
      const accessClaims = (await jwtVerify(access, keys, { issuer: issuer() })).payload;
      const idClaims = (await jwtVerify(id, keys, { issuer: issuer(), audience: bridge.client.id })).payload;
      const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;
      expect(accessClaims).toEqual({
        sub: uuid,
        iss: issuer(),
        client_id: bridge.client.id,
        username,
        token_use: 'access',
        scope: 'stackflow',
        'cognito:groups': ['itsm_agent', 'viewer'],
        roles: ['itsm_agent', 'viewer'],
        tenant_id: TENANT,
        okta_sub: OKTA_SUB,
        sso_sid: 'session-7',
        act: { sub: 'reporting-service' },
        origin_jti: uuid,
        event_id: uuid,
        jti: uuid,
        auth_time: expect.any(Number),
        iat: expect.any(Number),
        exp: (accessClaims.iat ?? 0) + 300,
      });
      expect(idClaims).toMatchObject({
        sub: accessClaims.sub,
        'cognito:username': username,
        token_use: 'id',
        'cognito:groups': ['itsm_agent', 'viewer'],
        'custom:role': 'itsm_agent',
        'custom:tenant_id': TENANT,
        email: 'anna@example.com',
        email_verified: true,
        origin_jti: accessClaims.origin_jti,
        event_id: accessClaims.event_id,
      });
      expect(idClaims).not.toHaveProperty('client_id');
      expect(idClaims.jti).not.toBe(accessClaims.jti);
      expect(decodeProtectedHeader(access).kid).not.toBe(decodeProtectedHeader(id).kid);
      expect(refresh.length).toBeGreaterThan(40);
    });

    it('is accepted with either of two signing keys, and with the username in another case', async () => {
      const second = await Bridge.of(running, next);
      await second.signIn(username);
      await bridge.signIn(username.toUpperCase()).then(
        () => Promise.reject(new Error('the assertion names another user')),
        (error: Error) => expect(error).toMatchObject(INCORRECT),
      );
      const challenge = await bridge.begin(username.toUpperCase());
      const assertion = await bridge.assertion({ ...challenge, username });
      expect(await outcome(bridge.answer(challenge, assertion))).toMatchObject({ name: 'ok' });
    });

    it('is accepted from many people concurrently, and each gets tokens of their own', async () => {
      const people = await Promise.all(Array.from({ length: 8 }, () => bridge.user()));
      const signedIn = await Promise.all(people.map((person) => bridge.signIn(person)));
      const names = signedIn.map(({ access }) => JSON.parse(atob(access.split('.')[1] ?? '')) as { username: string });
      expect(names.map((n) => n.username)).toEqual(people);
    });
  });

  describe('a wrong answer is refused', () => {
    const now = (): number => Math.floor(Date.now() / 1000);
    it.each<[string, () => Record<string, unknown>, Record<string, unknown>]>([
      ['another nonce', () => ({ nonce: 'A'.repeat(43) }), {}],
      ['no nonce', () => ({ nonce: undefined }), {}],
      ['another subject', () => ({ sub: randomUUID() }), {}],
      ['another issuer', () => ({ iss: 'auth-service.example' }), {}],
      ['another pool', () => ({ aud: `cognito:us-east-1_000000000:${bridge.client.id}` }), {}],
      ['another client', () => ({ aud: `cognito:${running.poolId}:other` }), {}],
      ['another tenant', () => ({ tenant_id: randomUUID() }), {}],
      ['no tenant', () => ({ tenant_id: undefined }), {}],
      ['no jti', () => ({ jti: undefined }), {}],
      ['no exp', () => ({ exp: undefined }), {}],
      ['no iat', () => ({ iat: undefined }), {}],
      ['an exp in the past', () => ({ iat: now() - 70, exp: now() - 10 }), {}],
      ['an old iat', () => ({ iat: now() - 120, exp: now() + 60 }), {}],
      ['an iat in the future', () => ({ iat: now() + 30, exp: now() + 60 }), {}],
      ['a lifetime of more than a minute', () => ({ exp: now() + 120 }), {}],
      ['an act without a subject', () => ({ act: 'reporting-service' }), {}],
      ['another type', () => ({}), { typ: 'JWT' }],
      ['no type', () => ({}), { typ: undefined }],
      ['an unknown key id', () => ({}), { kid: 'key-3' }],
      ['no key id', () => ({}), { kid: undefined }],
      ['a key of its own', () => ({}), { jwk: { kty: 'EC' } }],
      ['a key set of its own', () => ({}), { jku: 'https://evil.example/jwks.json' }],
    ])('if the assertion has %s', async (_, claims, header) => {
      const challenge = await bridge.begin(username);
      const assertion = await bridge.assertion(challenge, claims(), header);
      expect(await outcome(bridge.answer(challenge, assertion, { assertion }))).toMatchObject(INCORRECT);
    });

    it('if a foreign key signed it under a known key id', async () => {
      const thief = await Bridge.of(running, { ...(await assertionKey('x')), kid: key.kid });
      expect(await outcome(thief.signIn(username))).toMatchObject(INCORRECT);
    });

    it('if it uses alg none, HS256 with the public key as secret, or RS256, or is not a token', async () => {
      const claims = { iss: 'auth-service', sub: username, jti: 'x', okta_sub: OKTA_SUB, tenant_id: TENANT };
      const header = { typ: 'okta-assertion+jwt', kid: key.kid };
      const aud = `cognito:${running.poolId}:${bridge.client.id}`;
      const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const forgeries: ((nonce: string) => Promise<string> | string)[] = [
        (nonce) =>
          new UnsecuredJWT({ ...claims, nonce }).setAudience(aud).setIssuedAt().setExpirationTime('1m').encode(),
        (nonce) =>
          new SignJWT({ ...claims, nonce, aud })
            .setIssuedAt()
            .setExpirationTime('1m')
            .setProtectedHeader({ alg: 'HS256', ...header })
            .sign(Buffer.from(JSON.stringify(key.jwk))),
        (nonce) =>
          new SignJWT({ ...claims, nonce, aud })
            .setIssuedAt()
            .setExpirationTime('1m')
            .setProtectedHeader({ alg: 'RS256', ...header })
            .sign(rsa.privateKey),
        () => 'no token',
        () => '..',
        () => `${'A'.repeat(3000)}.e30.e30`,
        (nonce) => nonce,
      ];
      for (const forge of forgeries) {
        const challenge = await bridge.begin(username);
        const answered = outcome(bridge.answer(challenge, await forge(challenge.nonce)));
        expect(await answered).toMatchObject(INCORRECT);
      }
    });

    it('if it names an Okta user who is not linked to the account', async () => {
      const linked = await bridge.user({ 'custom:external_id': '00uSomebodyElse' });
      expect(await outcome(bridge.signIn(linked))).toMatchObject(INCORRECT);
      expect(await outcome(bridge.signIn(linked, { okta_sub: '00uSomebodyElse' }))).toMatchObject({ name: 'ok' });
    });

    it('if it signs claims that the metadata lacks or contradicts', async () => {
      for (const metadata of [undefined, { assertion: 'another' }]) {
        const challenge = await bridge.begin(username);
        const assertion = await bridge.assertion(challenge, { act: { sub: 'reporting-service' } });
        expect(await outcome(bridge.answer(challenge, assertion, metadata))).toMatchObject(INCORRECT);
      }
    });

    it('if the user belongs to no tenant', async () => {
      const stray = await bridge.user({ 'custom:tenant_id': '' });
      expect(await outcome(bridge.signIn(stray))).toMatchObject(INCORRECT);
    });
  });

  describe('sign-in is refused', () => {
    const initiate = (ClientId: string, AuthParameters: Record<string, string>, UserPoolId = running.poolId) =>
      outcome(
        running.cognito.send(
          new AdminInitiateAuthCommand({ UserPoolId, ClientId, AuthFlow: 'CUSTOM_AUTH', AuthParameters }),
        ),
      );

    it('to a disabled user, before and after the challenge', async () => {
      const leaver = await bridge.user();
      const challenge = await bridge.begin(leaver);
      await running.cognito.send(new AdminDisableUserCommand({ UserPoolId: running.poolId, Username: leaver }));
      const disabled = { name: 'NotAuthorizedException', message: 'User is disabled.' };
      expect(await outcome(bridge.answer(challenge, await bridge.assertion(challenge)))).toMatchObject(disabled);
      expect(await outcome(bridge.begin(leaver))).toMatchObject(disabled);
    });

    it('to an unknown user, and the client’s settings decide whether the message says so', async () => {
      expect(await outcome(bridge.begin(randomUUID()))).toMatchObject(INCORRECT);
      const made = await running.cognito.send(
        new CreateUserPoolClientCommand({
          UserPoolId: running.poolId,
          ClientName: 'frank',
          ExplicitAuthFlows: ['ALLOW_CUSTOM_AUTH'],
          PreventUserExistenceErrors: 'LEGACY',
        }),
      );
      const frank = made.UserPoolClient?.ClientId ?? '';
      expect(await initiate(frank, { USERNAME: randomUUID() })).toMatchObject({ name: 'UserNotFoundException' });
    });

    it('to a caller without the secret, a client without the flow, a client of another pool, and a call without a user', async () => {
      const { id } = bridge.client;
      const hash = bridge.secretHash(username);
      expect(await initiate(id, { USERNAME: username })).toMatchObject({
        name: 'NotAuthorizedException',
        message: `Client ${id} is configured with secret but SECRET_HASH was not received`,
      });
      expect(await initiate(id, { USERNAME: username, SECRET_HASH: 'AAAA' })).toMatchObject({
        name: 'NotAuthorizedException',
        message: `Unable to verify secret hash for client ${id}`,
      });
      expect(await initiate(id, { USERNAME: randomUUID(), ...hash })).toMatchObject({ name: 'NotAuthorizedException' });
      expect(await initiate(id, {})).toMatchObject({ name: 'InvalidParameterException' });
      const made = await running.cognito.send(
        new CreateUserPoolClientCommand({ UserPoolId: running.poolId, ClientName: 'other', ExplicitAuthFlows: [] }),
      );
      expect(await initiate(made.UserPoolClient?.ClientId ?? '', { USERNAME: username })).toMatchObject({
        name: 'InvalidParameterException',
      });
      expect(await initiate('nobody', { USERNAME: username })).toMatchObject({ name: 'ResourceNotFoundException' });
    });
  });

  it('accepts assertions of the configured keys only', async () => {
    const rotated = await startSandbox({ assertionJwks: jwksOf(next) }, running.testDatabase);
    try {
      expect(await outcome((await Bridge.of(rotated, key)).signIn(username))).toMatchObject(INCORRECT);
      expect(await outcome((await Bridge.of(rotated, next)).signIn(username))).toMatchObject({ name: 'ok' });
    } finally {
      await rotated.end();
    }
  });
});
