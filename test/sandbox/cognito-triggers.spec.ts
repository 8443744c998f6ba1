/** How the sandbox Cognito calls triggers: the events, the time limit, and the effect of the answers. */
import {
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminInitiateAuthCommand,
  AdminUserGlobalSignOutCommand,
  GetTokensFromRefreshTokenCommand,
  GetUserCommand,
  RevokeTokenCommand,
  UpdateUserAttributesCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { decodeJwt } from 'jose';
import { productTriggers, type Triggers } from '../../apps/sandbox/src/cognito/triggers.js';
import { DEFAULT_QUOTAS } from '../../apps/sandbox/src/cognito/quotas.js';
import { createLogger } from '#platform';
import { assertionKey, Bridge, jwksOf, TENANT, type AssertionKey } from '../support/cognito-sign-in.js';
import { control, outcome, startSandbox, type RunningSandbox } from '../support/sandbox.js';

type Seen = { name: string; event: { request: Record<string, unknown> } & Record<string, unknown> };

describe('triggers', () => {
  let running: RunningSandbox;
  let bridge: Bridge;
  let key: AssertionKey;
  let seen: Seen[] = [];
  let triggers: Triggers;
  /** Replaces the product's triggers until the next test. */
  let instead: Partial<Record<keyof Triggers, (event: object) => unknown>> = {};

  beforeAll(async () => {
    key = await assertionKey('key-1');
    const product = productTriggers(jwksOf(key), createLogger('sandbox', 'silent'));
    triggers = Object.fromEntries(
      Object.entries(product).map(([name, handler]) => [
        name,
        async (event: Seen['event']) => {
          seen.push({ name, event: structuredClone(event) });
          const other = instead[name as keyof Triggers];
          return other ? other(event) : (handler as (event: object) => Promise<object>)(event);
        },
      ]),
    ) as unknown as Triggers;
    running = await startSandbox({
      customAttributes: ['tenant_id', 'external_id', 'role'],
      triggers,
    });
    bridge = await Bridge.of(running, key);
  });
  beforeEach(() => {
    seen = [];
    instead = {};
  });
  afterAll(() => running.stop());

  const respondWith = (response: unknown) => (event: object) => ({ ...event, response });
  const namesSeen = (): string[] => seen.map((s) => s.name);

  it('receive the events that AWS sends, in AWS’s order', async () => {
    const username = await bridge.user({}, ['viewer']);
    const challenge = await bridge.begin(username);
    expect(namesSeen()).toEqual(['DefineAuthChallenge', 'CreateAuthChallenge']);
    const assertion = await bridge.assertion(challenge);
    await bridge.answer(challenge, assertion, { assertion });
    expect(namesSeen().slice(2)).toEqual(['VerifyAuthChallengeResponse', 'DefineAuthChallenge', 'PreTokenGeneration']);
    const common = {
      version: '1',
      region: 'us-east-1',
      userPoolId: running.poolId,
      userName: username,
      callerContext: { awsSdkVersion: expect.any(String), clientId: bridge.client.id },
    };
    const userAttributes = {
      sub: expect.any(String),
      'cognito:user_status': 'FORCE_CHANGE_PASSWORD',
      'custom:tenant_id': TENANT,
    };
    const round = { challengeName: 'CUSTOM_CHALLENGE', challengeResult: true, challengeMetadata: 'OKTA_ASSERTION' };
    const clientMetadata = { assertion };
    expect(seen.map((s) => s.event)).toEqual([
      {
        ...common,
        triggerSource: 'DefineAuthChallenge_Authentication',
        request: { userAttributes, session: [] },
        response: { challengeName: null, issueTokens: null, failAuthentication: null },
      },
      {
        ...common,
        triggerSource: 'CreateAuthChallenge_Authentication',
        request: { userAttributes, challengeName: 'CUSTOM_CHALLENGE', session: [] },
        response: { publicChallengeParameters: null, privateChallengeParameters: null, challengeMetadata: null },
      },
      {
        ...common,
        triggerSource: 'VerifyAuthChallengeResponse_Authentication',
        request: {
          userAttributes,
          privateChallengeParameters: { nonce: challenge.nonce },
          challengeAnswer: assertion,
          clientMetadata,
        },
        response: { answerCorrect: null },
      },
      {
        ...common,
        triggerSource: 'DefineAuthChallenge_Authentication',
        request: { userAttributes, session: [round], clientMetadata },
        response: { challengeName: null, issueTokens: null, failAuthentication: null },
      },
      {
        ...common,
        version: '2',
        triggerSource: 'TokenGeneration_Authentication',
        request: {
          userAttributes,
          groupConfiguration: { groupsToOverride: ['viewer'], iamRolesToOverride: [], preferredRole: null },
          scopes: ['aws.cognito.signin.user.admin'],
          clientMetadata,
        },
        response: { claimsAndScopeOverrideDetails: null },
      },
    ]);
  });

  it('learn that a user is unknown, and cannot get tokens issued for one', async () => {
    instead.DefineAuthChallenge = respondWith({ issueTokens: true });
    expect(await outcome(bridge.begin('nobody'))).toMatchObject({ name: 'NotAuthorizedException' });
    expect(seen[0]?.event).toMatchObject({ userName: 'nobody', request: { userAttributes: {}, userNotFound: true } });
  });

  it('may issue a second challenge', async () => {
    const username = await bridge.user();
    instead.DefineAuthChallenge = (event) =>
      (event as { request: { session: unknown[] } }).request.session.length < 2
        ? respondWith({ challengeName: 'CUSTOM_CHALLENGE', issueTokens: false, failAuthentication: false })(event)
        : respondWith({ issueTokens: true, failAuthentication: false })(event);
    const challenge = await bridge.begin(username);
    await expect(bridge.answer(challenge, await bridge.assertion(challenge))).rejects.toThrow('another challenge');
    expect(seen.at(-1)).toMatchObject({ name: 'CreateAuthChallenge', event: { request: { session: [{}] } } });
  });

  it.each(['DefineAuthChallenge', 'CreateAuthChallenge'] as const)(
    'cause a UserLambdaValidationException if %s throws',
    async (name) => {
      instead[name] = () => {
        throw new Error('no such table');
      };
      expect(await outcome(bridge.begin(await bridge.user()))).toMatchObject({
        name: 'UserLambdaValidationException',
        message: `${name} failed with error no such table.`,
      });
      expect(namesSeen().filter((n) => n === name)).toHaveLength(1);
    },
  );

  it('are invoked three times if they exceed the limit, then cause an UnexpectedLambdaException', async () => {
    const username = await bridge.user();
    const impatient = await startSandbox({ triggers, triggerLimitMs: 200 }, running.testDatabase);
    try {
      instead.CreateAuthChallenge = () => new Promise(() => undefined);
      const begun = (await Bridge.of(impatient, key)).begin(username);
      expect(await outcome(begun)).toMatchObject({ name: 'UnexpectedLambdaException' });
      expect(namesSeen().filter((n) => n === 'CreateAuthChallenge')).toHaveLength(3);
    } finally {
      await impatient.end();
    }
  });

  it('cause an InvalidLambdaResponseException by a malformed answer', async () => {
    const username = await bridge.user();
    const nonsense = [undefined, null, 'x', 7, [], {}, { response: null }, { response: { issueTokens: 'yes' } }];
    const undecided = { response: { issueTokens: false, failAuthentication: false } };
    const unknown = { response: { challengeName: 'SRP_A', issueTokens: false, failAuthentication: false } };
    for (const answer of [...nonsense, undecided, unknown, () => 1]) {
      instead.DefineAuthChallenge = () => answer;
      expect(await outcome(bridge.begin(username))).toMatchObject({ name: 'InvalidLambdaResponseException' });
    }
    instead = { VerifyAuthChallengeResponse: respondWith({}) };
    expect(await outcome(bridge.signIn(username))).toMatchObject({ name: 'InvalidLambdaResponseException' });
  });

  it('may leave the scope for self-service calls, with which only attributes of the client can be written', async () => {
    const username = await bridge.user({ email: 'a@example.com' });
    instead.PreTokenGeneration = respondWith({ claimsAndScopeOverrideDetails: {} });
    const { access } = await bridge.signIn(username);
    const write = (Name: string) =>
      outcome(
        running.cognito.send(
          new UpdateUserAttributesCommand({ AccessToken: access, UserAttributes: [{ Name, Value: 'x@evil.example' }] }),
        ),
      );
    expect(await write('locale')).toMatchObject({ name: 'ok' });
    for (const name of ['email', 'name', 'custom:tenant_id', 'custom:role'])
      expect(await write(name)).toMatchObject({
        name: 'NotAuthorizedException',
        message: 'A client attempted to write unauthorized attribute',
      });
    const { UserAttributes } = await running.cognito.send(new GetUserCommand({ AccessToken: access }));
    expect(UserAttributes).toContainEqual({ Name: 'email', Value: 'a@example.com' });
  });

  it('change claims, scopes and groups of both tokens, but not the reserved claims', async () => {
    const username = await bridge.user({ email: 'a@example.com' }, ['viewer']);
    instead.PreTokenGeneration = respondWith({
      claimsAndScopeOverrideDetails: {
        idTokenGeneration: { claimsToAddOrOverride: { nick: 'x', sub: 'y' }, claimsToSuppress: ['email', 'iss'] },
        accessTokenGeneration: {
          claimsToAddOrOverride: {
            levels: [1, 2],
            username: 'somebody-else',
            client_id: 'x',
            exp: 9e9,
            token_use: 'id',
          },
          claimsToSuppress: ['jti'],
          scopesToAdd: ['tickets/read'],
          scopesToSuppress: ['aws.cognito.signin.user.admin'],
        },
        groupOverrideDetails: { groupsToOverride: ['itsm_agent'] },
      },
    });
    const { access, id } = await bridge.signIn(username);
    expect(decodeJwt(access)).toMatchObject({
      levels: [1, 2],
      username,
      client_id: bridge.client.id,
      token_use: 'access',
      scope: 'tickets/read',
      'cognito:groups': ['itsm_agent'],
      jti: expect.any(String),
    });
    expect(decodeJwt(access).exp).toBeLessThan(9e9);
    expect(decodeJwt(id)).toMatchObject({ nick: 'x', 'cognito:groups': ['itsm_agent'], iss: expect.any(String) });
    expect(decodeJwt(id)).not.toHaveProperty('email');
    expect(decodeJwt(id).sub).toBe(decodeJwt(access).sub);
    instead.PreTokenGeneration = respondWith({ claimsAndScopeOverrideDetails: { groupOverrideDetails: {} } });
    expect(decodeJwt((await bridge.signIn(username)).access)).not.toHaveProperty('cognito:groups');
    instead.PreTokenGeneration = respondWith({ claimsAndScopeOverrideDetails: null });
    expect(decodeJwt((await bridge.signIn(username)).access)).toMatchObject({ 'cognito:groups': ['viewer'] });
  });

  it('lead to no tokens if access ends while they run', async () => {
    const username = await bridge.user();
    const about = { UserPoolId: running.poolId, Username: username };
    const { refresh } = await bridge.signIn(username);
    const during = (work: () => Promise<unknown>) => {
      instead.PreTokenGeneration = async (event) => {
        await work();
        return respondWith({ claimsAndScopeOverrideDetails: null })(event);
      };
    };
    const input = { RefreshToken: refresh, ClientId: bridge.client.id, ClientSecret: bridge.client.secret };
    during(() => running.cognito.send(new AdminUserGlobalSignOutCommand(about)));
    expect(await outcome(running.cognito.send(new GetTokensFromRefreshTokenCommand(input)))).toMatchObject({
      message: 'Refresh Token has been revoked',
    });
    during(() => running.cognito.send(new AdminDisableUserCommand(about)));
    expect(await outcome(bridge.signIn(username))).toMatchObject({ message: 'User is disabled.' });
    await running.cognito.send(new AdminEnableUserCommand(about));
    during(() => running.cognito.send(new AdminDeleteUserCommand(about)));
    expect(await outcome(bridge.signIn(username))).toMatchObject({ name: 'NotAuthorizedException' });
  });

  it('are missing without ASSERTION_JWKS, and the error says so', async () => {
    const bare = await startSandbox({}, running.testDatabase);
    try {
      expect(await outcome((await Bridge.of(bare, key)).begin(await bridge.user()))).toMatchObject({
        name: 'InvalidLambdaResponseException',
        message: expect.stringContaining('ASSERTION_JWKS') as string,
      });
    } finally {
      await bare.end();
    }
  });

  it('run within the quota of sign-ins only, and answers have three times that quota', async () => {
    expect(DEFAULT_QUOTAS).toMatchObject({ UserAuthentication: 120, UserAuthenticationResponse: 360, UserToken: 120 });
    const username = await bridge.user();
    const base = running.sandbox.endpoints.cognito;
    const limited = async (quota: string, work: () => Promise<unknown>): Promise<void> => {
      await control(base, 'PUT', 'quotas', { [quota]: 0.001 });
      await outcome(work());
      expect(await outcome(work())).toMatchObject({ name: 'TooManyRequestsException' });
      await control(base, 'DELETE', 'quotas');
      expect(await outcome(work())).not.toMatchObject({ name: 'TooManyRequestsException' });
    };
    await limited('UserAuthentication', () => bridge.begin(username));
    const challenge = await bridge.begin(username);
    await limited('UserAuthenticationResponse', () => bridge.answer(challenge, 'wrong'));
    const unknown = { Token: 'unknown', ClientId: bridge.client.id, ClientSecret: bridge.client.secret };
    await limited('UserToken', () => running.cognito.send(new RevokeTokenCommand(unknown)));
  });

  it('do not count against the per-user limits, and the call log names the user', async () => {
    const username = await bridge.user();
    await control(running.sandbox.endpoints.cognito, 'PUT', 'quotas', { PerUserRead: 0.001, PerUserWrite: 0.001 });
    await Promise.all(Array.from({ length: 12 }, () => bridge.signIn(username)));
    const { calls } = await control<{ calls: { operation: string }[] }>(
      running.sandbox.endpoints.cognito,
      'GET',
      `calls?subject=${username}`,
    );
    await control(running.sandbox.endpoints.cognito, 'DELETE', 'quotas');
    const counted = (name: string): number => calls.filter((c) => c.operation === name).length;
    expect([counted('AdminInitiateAuth'), counted('AdminRespondToAuthChallenge')]).toEqual([12, 12]);
  });

  it('do not run for flows that the sandbox does not support', async () => {
    const AuthParameters = { USERNAME: await bridge.user(), PASSWORD: 'x' };
    const input = { UserPoolId: running.poolId, ClientId: bridge.client.id, AuthParameters };
    for (const AuthFlow of ['ADMIN_USER_PASSWORD_AUTH', 'USER_AUTH', 'USER_SRP_AUTH'] as const)
      expect(await outcome(running.cognito.send(new AdminInitiateAuthCommand({ ...input, AuthFlow })))).toMatchObject({
        name: 'InvalidParameterException',
      });
    expect(seen).toEqual([]);
  });
});
