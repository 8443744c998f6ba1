/**
 * The life of tokens of the sandbox Cognito: refresh, rotation, revocation, and Cognito's own APIs that accept them.
 */
import {
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminInitiateAuthCommand,
  AdminRemoveUserFromGroupCommand,
  AdminUserGlobalSignOutCommand,
  CreateUserPoolClientCommand,
  GetTokensFromRefreshTokenCommand,
  GetUserCommand,
  UpdateUserAttributesCommand,
  InitiateAuthCommand,
  RevokeTokenCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { Client as PgClient } from 'pg';
import {
  assertionKey,
  Bridge,
  jwksOf,
  OKTA_SUB,
  TENANT,
  tokensOf,
  type AssertionKey,
  type Tokens,
} from '../support/cognito-sign-in.js';
import { outcome, startSandbox, type RunningSandbox } from '../support/sandbox.js';

const revoked = { name: 'NotAuthorizedException', message: 'Access Token has been revoked' };
/** A token that is valid, but that our trigger gave no scope for self-service calls. */
const noScope = { name: 'NotAuthorizedException', message: 'Access Token does not have required scopes' };
const refreshRevoked = { name: 'NotAuthorizedException', message: 'Refresh Token has been revoked' };
const disabled = { name: 'NotAuthorizedException', message: 'User is disabled.' };

describe('tokens', () => {
  let running: RunningSandbox;
  let bridge: Bridge;
  let key: AssertionKey;
  beforeAll(async () => {
    key = await assertionKey('key-1');
    running = await startSandbox({
      customAttributes: ['tenant_id', 'external_id', 'role'],
      assertionJwks: jwksOf(key),
    });
    bridge = await Bridge.of(running, key);
  });
  afterAll(() => running.stop());

  const about = (Username: string) => ({ UserPoolId: running.poolId, Username });
  const getUser = (AccessToken: string) => running.cognito.send(new GetUserCommand({ AccessToken }));
  /** By AdminInitiateAuth, as the owner of the pool. */
  const refresh = async (username: string, token: string, by = bridge): Promise<Tokens> => {
    const AuthParameters = { REFRESH_TOKEN: token, ...by.secretHash(username) };
    const input = { ClientId: by.client.id, AuthFlow: 'REFRESH_TOKEN_AUTH' as const, AuthParameters };
    const command = new AdminInitiateAuthCommand({ UserPoolId: running.poolId, ...input });
    return tokensOf((await running.cognito.send(command)).AuthenticationResult);
  };
  /** By GetTokensFromRefreshToken, like any holder of token and secret. */
  const exchange = async (token: string, by = bridge, ClientMetadata?: Record<string, string>): Promise<Tokens> => {
    const input = { RefreshToken: token, ClientId: by.client.id, ClientSecret: by.client.secret, ClientMetadata };
    return tokensOf((await running.cognito.send(new GetTokensFromRefreshTokenCommand(input))).AuthenticationResult);
  };
  const clientWith = async (settings: Partial<CreateUserPoolClientCommand['input']>): Promise<Bridge> => {
    const base = { UserPoolId: running.poolId, ClientName: 'c', GenerateSecret: true };
    const ExplicitAuthFlows = ['ALLOW_CUSTOM_AUTH' as const];
    const command = new CreateUserPoolClientCommand({ ...base, ExplicitAuthFlows, ...settings });
    return Bridge.of(running, key, (await running.cognito.send(command)).UserPoolClient?.ClientId);
  };

  describe('a refresh', () => {
    it('issues both tokens again for the same sign-in, with the current groups and no new refresh token', async () => {
      const username = await bridge.user({ 'custom:role': 'itsm_manager' }, ['itsm_manager', 'viewer']);
      const first = await bridge.signIn(username, { sso_sid: 'session-7' });
      await running.cognito.send(
        new AdminRemoveUserFromGroupCommand({ ...about(username), GroupName: 'itsm_manager' }),
      );
      const InitiateAuth = new InitiateAuthCommand({
        ClientId: bridge.client.id,
        AuthFlow: 'REFRESH_TOKEN',
        AuthParameters: { REFRESH_TOKEN: first.refresh, ...bridge.secretHash(username) },
      });
      const byFlow = [
        await refresh(username, first.refresh),
        tokensOf((await running.cognito.send(InitiateAuth)).AuthenticationResult),
        await exchange(first.refresh),
      ];
      const original = decodeJwt(first.access);
      for (const { access, id, refresh: none } of byFlow) {
        const claims = decodeJwt(access);
        expect(claims).toMatchObject({ roles: ['viewer'], 'cognito:groups': ['viewer'], tenant_id: TENANT });
        expect(claims).toMatchObject({ origin_jti: original.origin_jti, auth_time: original.auth_time });
        expect(claims.jti).not.toBe(original.jti);
        // Only auth-service can assert a session and an actor, and it takes no part in this refresh.
        expect(claims).not.toHaveProperty('sso_sid');
        expect(decodeJwt(id)).not.toHaveProperty('custom:role');
        expect(none).toBe('');
      }
    });

    it('carries claims that auth-service signed, and nothing else from the caller', async () => {
      const username = await bridge.user();
      const { refresh: token } = await bridge.signIn(username);
      const said = await exchange(token, bridge, { sso_sid: 'forged', act: '{"sub":"forged"}', roles: 'super_admin' });
      expect(decodeJwt(said.access)).not.toHaveProperty('sso_sid');
      expect(decodeJwt(said.access)).toMatchObject({ roles: [] });
      const claims = { nonce: undefined, sso_sid: 'session-8', act: { sub: 'reporting-service' } };
      const assertion = await bridge.assertion({ username, nonce: '' }, claims);
      const signed = await exchange(token, bridge, { assertion });
      const expected = { sso_sid: 'session-8', act: { sub: 'reporting-service' }, okta_sub: OKTA_SUB };
      expect(decodeJwt(signed.access)).toMatchObject(expected);
      for (const bad of ['forged', await bridge.assertion({ username: await bridge.user(), nonce: '' })])
        expect(await outcome(exchange(token, bridge, { assertion: bad }))).toMatchObject({
          name: 'UserLambdaValidationException',
          message: expect.stringMatching(/^PreTokenGeneration failed with error /) as string,
        });
    });

    it('is refused after a global sign-out by the administrator, and after RevokeToken', async () => {
      const ways: ((username: string, tokens: Tokens) => Promise<unknown>)[] = [
        (username) => running.cognito.send(new AdminUserGlobalSignOutCommand(about(username))),
        (_, { refresh: Token }) =>
          running.cognito.send(
            new RevokeTokenCommand({ Token, ClientId: bridge.client.id, ClientSecret: bridge.client.secret }),
          ),
      ];
      for (const end of ways) {
        const username = await bridge.user();
        const tokens = await bridge.signIn(username);
        expect(await outcome(refresh(username, tokens.refresh))).toMatchObject({ name: 'ok' });
        await end(username, tokens);
        await end(username, tokens).catch(() => undefined);
        expect(await outcome(refresh(username, tokens.refresh))).toMatchObject(refreshRevoked);
        expect(await outcome(exchange(tokens.refresh))).toMatchObject(refreshRevoked);
        expect(await outcome(getUser(tokens.access))).toMatchObject(revoked);
        expect(await outcome(getUser((await bridge.signIn(username)).access))).toMatchObject(noScope);
      }
    });

    it('is refused while the user is disabled, and works again once the user is enabled', async () => {
      const username = await bridge.user();
      const { refresh: token } = await bridge.signIn(username);
      await running.cognito.send(new AdminDisableUserCommand(about(username)));
      expect(await outcome(refresh(username, token))).toMatchObject(disabled);
      expect(await outcome(exchange(token))).toMatchObject(disabled);
      await running.cognito.send(new AdminEnableUserCommand(about(username)));
      expect(await outcome(refresh(username, token))).toMatchObject({ name: 'ok' });
    });

    it('is refused with another client, secret or hash, and with an invented or expired token', async () => {
      const username = await bridge.user();
      const { refresh: token, access } = await bridge.signIn(username);
      const other = await clientWith({ ExplicitAuthFlows: ['ALLOW_REFRESH_TOKEN_AUTH'] });
      const invalid = { name: 'NotAuthorizedException', message: 'Invalid Refresh Token' };
      expect(await outcome(refresh(username, token, other))).toMatchObject(invalid);
      expect(await outcome(exchange(token, other))).toMatchObject(invalid);
      for (const invented of ['x', access, 'x'.repeat(8_000)])
        expect(await outcome(exchange(invented))).toMatchObject(invalid);
      expect(await outcome(refresh(await bridge.user(), token))).toMatchObject({
        message: `Unable to verify secret hash for client ${bridge.client.id}`,
      });
      const input = { RefreshToken: token, ClientId: bridge.client.id };
      for (const ClientSecret of [undefined, 'wrong'])
        expect(
          await outcome(running.cognito.send(new GetTokensFromRefreshTokenCommand({ ...input, ClientSecret }))),
        ).toMatchObject({ name: 'NotAuthorizedException' });
      const database = new PgClient({ connectionString: running.testDatabase.adminUrl });
      await database.connect();
      await database.query(
        `update sandbox.cognito_refresh_token set expires_at = clock_timestamp() where token_hash = sha256($1::bytea)`,
        [Buffer.from(token)],
      );
      await database.end();
      expect(await outcome(exchange(token))).toMatchObject({ message: 'Refresh Token has expired' });
    });

    it('rotates the token if the client is configured so, with one successor for concurrent calls, and reports a reused token', async () => {
      const rotating = await clientWith({ RefreshTokenRotation: { Feature: 'ENABLED', RetryGracePeriodSeconds: 0 } });
      const username = await bridge.user();
      const { refresh: first } = await rotating.signIn(username);
      const raced = await Promise.allSettled(Array.from({ length: 5 }, () => exchange(first, rotating)));
      const won = raced.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []));
      expect(won).toHaveLength(1);
      const reuse = { name: 'RefreshTokenReuseException' };
      expect(await outcome(exchange(first, rotating))).toMatchObject(reuse);
      const second = won[0]?.refresh ?? '';
      expect(second).not.toBe(first);
      expect((await exchange(second, rotating)).refresh).not.toBe('');
      expect(await outcome(refresh(username, second, rotating))).toMatchObject({ name: 'InvalidParameterException' });
      const flows = { ExplicitAuthFlows: ['ALLOW_REFRESH_TOKEN_AUTH' as const] };
      const both = clientWith({ ...flows, RefreshTokenRotation: { Feature: 'ENABLED' } });
      expect(await outcome(both)).toMatchObject({ name: 'InvalidParameterException' });
    });

    it('accepts a rotated token during the grace period of the client', async () => {
      const patient = await clientWith({ RefreshTokenRotation: { Feature: 'ENABLED', RetryGracePeriodSeconds: 60 } });
      const { refresh: token } = await patient.signIn(await bridge.user());
      const [one, two] = [await exchange(token, patient), await exchange(token, patient)];
      expect(one.refresh).not.toBe(two.refresh);
      expect(await outcome(exchange(one.refresh, patient))).toMatchObject({ name: 'ok' });
    });
  });

  describe('RevokeToken', () => {
    const revoke = (Token: string, by = bridge, ClientSecret = by.client.secret) =>
      outcome(running.cognito.send(new RevokeTokenCommand({ Token, ClientId: by.client.id, ClientSecret })));

    it('ends one sign-in and keeps the other sign-ins of the user', async () => {
      const username = await bridge.user();
      const [one, two] = [await bridge.signIn(username), await bridge.signIn(username)];
      expect(await revoke(one.refresh)).toMatchObject({ name: 'ok' });
      expect(await outcome(getUser(one.access))).toMatchObject(revoked);
      expect(await outcome(getUser(two.access))).toMatchObject(noScope);
      expect(await outcome(exchange(two.refresh))).toMatchObject({ name: 'ok' });
    });

    it('ignores unknown tokens, tokens of another client, and refuses access tokens', async () => {
      const { refresh: token, access } = await bridge.signIn(await bridge.user());
      expect(await revoke(token, bridge, 'wrong')).toMatchObject({ name: 'UnauthorizedException' });
      expect(await revoke(token, await clientWith({}))).toMatchObject({ name: 'ok' });
      expect(await revoke('unknown')).toMatchObject({ name: 'ok' });
      expect(await revoke(access)).toMatchObject({ name: 'UnsupportedTokenTypeException' });
      const without = await clientWith({ EnableTokenRevocation: false });
      expect(await revoke('unknown', without)).toMatchObject({ name: 'UnsupportedOperationException' });
      expect(await outcome(exchange(token))).toMatchObject({ name: 'ok' });
    });
  });

  describe('an access token in calls to Cognito', () => {
    it('allows no self-service call, because the trigger suppresses the scope for them', async () => {
      const username = await bridge.user({ email: 'anna@example.com' });
      const { access } = await bridge.signIn(username);
      expect(await outcome(getUser(access))).toMatchObject(noScope);
      const UserAttributes = [{ Name: 'locale', Value: 'de' }];
      const write = new UpdateUserAttributesCommand({ AccessToken: access, UserAttributes });
      expect(await outcome(running.cognito.send(write))).toMatchObject(noScope);
    });

    it('is revoked for good by AdminDisableUser and by AdminDeleteUser', async () => {
      const username = await bridge.user();
      const { access, refresh: token } = await bridge.signIn(username);
      await running.cognito.send(new AdminDisableUserCommand(about(username)));
      expect(await outcome(getUser(access))).toMatchObject(revoked);
      await running.cognito.send(new AdminEnableUserCommand(about(username)));
      expect(await outcome(getUser(access))).toMatchObject(revoked);
      const later = await refresh(username, token);
      expect(await outcome(getUser(later.access))).toMatchObject(noScope);
      await running.cognito.send(new AdminDeleteUserCommand(about(username)));
      expect(await outcome(getUser(later.access))).toMatchObject(revoked);
      expect(await outcome(exchange(token))).toMatchObject({ message: 'Invalid Refresh Token' });
    });

    it('must be an access token of this Cognito', async () => {
      const { access, id, refresh: token } = await bridge.signIn(await bridge.user());
      const [header, , signature] = access.split('.');
      const claims = { ...decodeJwt(access), username: 'somebody-else' };
      const forged = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
      const elsewhere = Buffer.from('{"iss":"https://x/us-east-1_000000000"}').toString('base64url');
      for (const bad of [id, token, forged, 'x', '..', `${header}.${elsewhere}.${signature}`, `${access}x`])
        expect(await outcome(getUser(bad))).toMatchObject({
          name: 'NotAuthorizedException',
          message: 'Invalid Access Token',
        });
    });
  });

  describe('the published keys', () => {
    const at = (path: string) => fetch(`${running.sandbox.endpoints.cognito}/${path}`);

    it('are two public keys that discovery leads to', async () => {
      const configuration = (await (await at(`${running.poolId}/.well-known/openid-configuration`)).json()) as {
        issuer: string;
        jwks_uri: string;
      };
      expect(configuration.issuer).toBe(`https://cognito-idp.us-east-1.amazonaws.com/${running.poolId}`);
      const { keys } = (await (await fetch(configuration.jwks_uri)).json()) as { keys: object[] };
      expect(keys).toHaveLength(2);
      for (const published of keys)
        expect(Object.keys(published).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
      expect((await at('us-east-1_000000000/.well-known/jwks.json')).status).toBe(404);
      expect((await at('us-east-1_000000000/.well-known/openid-configuration')).status).toBe(404);
    });

    it('survive a restart together with all tokens, and differ between installations', async () => {
      const username = await bridge.user();
      const { access, refresh: token } = await bridge.signIn(username);
      running = await running.restart();
      bridge = await Bridge.of(running, key);
      const uri = `${running.sandbox.endpoints.cognito}/${running.poolId}/.well-known/jwks.json`;
      expect((await jwtVerify(access, createRemoteJWKSet(new URL(uri)))).payload.username).toBe(username);
      expect(await outcome(getUser(access))).toMatchObject(noScope);
      expect(await outcome(exchange(token))).toMatchObject({ name: 'ok' });
      const second = await startSandbox();
      const theirs = `${second.sandbox.endpoints.cognito}/${second.poolId}/.well-known/jwks.json`;
      const { keys } = (await (await fetch(theirs)).json()) as { keys: { kid: string }[] };
      await second.stop();
      expect(keys.map((k) => k.kid)).not.toContain(decodeProtectedHeader(access).kid);
    });
  });
});
