import { createAuthChallenge } from './create-auth-challenge.js';
import { defineAuthChallenge } from './define-auth-challenge.js';
import type { ChallengeRound, CreateAuthChallengeEvent, DefineAuthChallengeEvent } from './events.js';

const common = {
  version: '1',
  region: 'us-east-1',
  userPoolId: 'us-east-1_Example01',
  userName: 'anna',
  callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: 'client' },
};
const right: ChallengeRound = {
  challengeName: 'CUSTOM_CHALLENGE',
  challengeResult: true,
  challengeMetadata: 'OKTA_ASSERTION',
};

describe('DefineAuthChallenge', () => {
  const define = async (session: readonly ChallengeRound[], more: { userNotFound?: boolean } = {}) => {
    const event: DefineAuthChallengeEvent = {
      ...common,
      triggerSource: 'DefineAuthChallenge_Authentication',
      request: { userAttributes: {}, session, ...more },
      response: {},
    };
    const { response, ...rest } = await defineAuthChallenge(event);
    expect(rest).toEqual((({ response: _, ...given }) => given)(event));
    return response;
  };
  const failed = { issueTokens: false, failAuthentication: true };

  it('requests the assertion first', async () => {
    expect(await define([])).toEqual({
      challengeName: 'CUSTOM_CHALLENGE',
      issueTokens: false,
      failAuthentication: false,
    });
  });

  it('issues tokens after one correct answer', async () => {
    expect(await define([right])).toEqual({ issueTokens: true, failAuthentication: false });
  });

  it.each<[string, ChallengeRound[]]>([
    ['a wrong answer', [{ ...right, challengeResult: false }]],
    ['two correct answers', [right, right]],
    ['a correct answer after a wrong one', [{ ...right, challengeResult: false }, right]],
    ['a challenge of another kind', [{ ...right, challengeMetadata: 'CAPTCHA' }]],
    ['a challenge without a name', [{ challengeName: 'CUSTOM_CHALLENGE', challengeResult: true }]],
    ['a password', [{ ...right, challengeName: 'PASSWORD_VERIFIER' }]],
    ['SRP before ours', [{ challengeName: 'SRP_A', challengeResult: true }, right]],
  ])('fails after %s', async (_, session) => {
    expect(await define(session)).toEqual(failed);
  });

  it('fails for an unknown user, whatever the answer is', async () => {
    expect(await define([], { userNotFound: true })).toEqual(failed);
    expect(await define([right], { userNotFound: true })).toEqual(failed);
  });
});

describe('CreateAuthChallenge', () => {
  const create = (challengeName: string) => {
    const event: CreateAuthChallengeEvent = {
      ...common,
      triggerSource: 'CreateAuthChallenge_Authentication',
      request: { userAttributes: {}, challengeName, session: [] },
      response: {},
    };
    return createAuthChallenge(event);
  };

  it('makes a new nonce each time, the same in the public and the private parameters', async () => {
    const [one, two] = [(await create('CUSTOM_CHALLENGE')).response, (await create('CUSTOM_CHALLENGE')).response];
    expect(one.publicChallengeParameters?.nonce).toMatch(/^[\w-]{43}$/);
    expect(one.privateChallengeParameters).toEqual(one.publicChallengeParameters);
    expect(one.challengeMetadata).toBe('OKTA_ASSERTION');
    expect(two.publicChallengeParameters?.nonce).not.toBe(one.publicChallengeParameters?.nonce);
  });

  it('leaves the event of another challenge unchanged', async () => {
    expect((await create('DEVICE_SRP_AUTH')).response).toEqual({});
  });
});
