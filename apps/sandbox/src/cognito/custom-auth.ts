/** The CUSTOM_AUTH flow (AWS, "Custom authentication challenge Lambda triggers"). */
import { randomBytes } from 'node:crypto';
import type { Database } from '#platform';
import type { ChallengeRound } from '../../../cognito-triggers/src/events.js';
import { AwsError, invalidParameter } from '../aws/aws-error.js';
import { checkFlow, checkSecretHash, notAuthorized, type AppClient } from './clients.js';
import { usernameKey, type Pool } from './pools.js';
import type { ClientMetadata } from './shapes.js';
import * as sql from './sign-in.sql.js';
import { hashOf, userDisabled, type TokenIssuer } from './token-issuer.js';
import { triggerEvent } from './trigger-event.js';
import type { TriggerRunner } from './triggers.js';
import { userNotFound } from './users.js';
import { GET_USER, type UserRow } from './users.sql.js';

const SESSION_BYTES = 128;

/** Cognito gives this message for a wrong answer and for an unknown user. */
const incorrect = () => notAuthorized('Incorrect username or password.');

/** The state of a sign-in between two calls. */
interface Attempt {
  readonly pool: Pool;
  readonly client: AppClient;
  readonly username: string;
  readonly user: UserRow | null;
  readonly rounds: readonly ChallengeRound[];
}

export class CustomAuth {
  constructor(
    private readonly database: Database,
    private readonly triggers: TriggerRunner,
    private readonly tokens: TokenIssuer,
  ) {}

  /**
   * Starts a sign-in, without ClientMetadata: Cognito does not pass it from AdminInitiateAuth to the challenge
   * triggers.
   */
  async begin(pool: Pool, client: AppClient, parameters: Readonly<Record<string, string>>): Promise<object> {
    const { USERNAME: username, SECRET_HASH: secretHash } = parameters;
    checkFlow(client, 'CUSTOM_AUTH');
    if (!username) throw invalidParameter('Missing required parameter USERNAME');
    checkSecretHash(client, username, secretHash);
    const user = await this.signable(pool, client, username);
    return this.advance({ pool, client, username: user?.username ?? username, user, rounds: [] }, undefined);
  }

  /** Answers a challenge. A right and a wrong answer both use up the session. */
  async answer(
    pool: Pool,
    client: AppClient,
    session: string | undefined,
    responses: Readonly<Record<string, string>>,
    metadata: ClientMetadata,
  ): Promise<object> {
    const { USERNAME: username, ANSWER: challengeAnswer, SECRET_HASH: secretHash } = responses;
    if (!username) throw invalidParameter('Missing required parameter USERNAME');
    if (challengeAnswer === undefined) throw invalidParameter('Missing required parameter ANSWER');
    checkSecretHash(client, username, secretHash);
    const challenge = await this.take(session);
    const same =
      challenge.client_id === client.id && usernameKey(pool, challenge.username) === usernameKey(pool, username);
    if (!same) throw notAuthorized('Invalid session for the user.');
    const user = await this.signable(pool, client, challenge.username);
    const { request, ...event } = triggerEvent(client, challenge.username, user, metadata);
    const { answerCorrect } = await this.triggers.run('VerifyAuthChallengeResponse', {
      ...event,
      triggerSource: 'VerifyAuthChallengeResponse_Authentication',
      request: { ...request, privateChallengeParameters: challenge.private_parameters, challengeAnswer },
      response: { answerCorrect: null },
    });
    const round = {
      challengeName: 'CUSTOM_CHALLENGE',
      challengeResult: answerCorrect,
      challengeMetadata: challenge.metadata,
    };
    const rounds = [...challenge.rounds, round];
    return this.advance({ pool, client, username: challenge.username, user, rounds }, metadata);
  }

  /** The trigger DefineAuthChallenge decides whether to issue tokens, send another challenge or refuse the sign-in. */
  private async advance(attempt: Attempt, metadata: ClientMetadata): Promise<object> {
    const { pool, client, user, username, rounds } = attempt;
    const { request, ...event } = triggerEvent(client, username, user, metadata);
    const decision = await this.triggers.run('DefineAuthChallenge', {
      ...event,
      triggerSource: 'DefineAuthChallenge_Authentication',
      request: { ...request, session: rounds },
      response: { challengeName: null, issueTokens: null, failAuthentication: null },
    });
    if (decision.failAuthentication) throw incorrect();
    if (decision.issueTokens) {
      if (!user) throw incorrect();
      return this.tokens.open({ client, user, usernameKey: usernameKey(pool, username) }, metadata);
    }
    if (decision.challengeName !== 'CUSTOM_CHALLENGE')
      throw new AwsError(
        'InvalidLambdaResponseException',
        'Invalid challenge name in the answer of DefineAuthChallenge.',
      );
    return this.challenge(attempt, metadata);
  }

  private async challenge({ client, user, username, rounds }: Attempt, metadata: ClientMetadata): Promise<object> {
    const { request, ...event } = triggerEvent(client, username, user, metadata);
    const created = await this.triggers.run('CreateAuthChallenge', {
      ...event,
      triggerSource: 'CreateAuthChallenge_Authentication',
      request: { ...request, challengeName: 'CUSTOM_CHALLENGE', session: rounds },
      response: { publicChallengeParameters: null, privateChallengeParameters: null, challengeMetadata: null },
    });
    const session = randomBytes(SESSION_BYTES).toString('base64url');
    await this.database.query(sql.OPEN_CHALLENGE, [
      hashOf(session),
      client.poolId,
      client.id,
      username,
      JSON.stringify(rounds),
      JSON.stringify(created.privateChallengeParameters ?? {}),
      created.challengeMetadata ?? null,
      client.settings.AuthSessionValidity,
    ]);
    return {
      ChallengeName: 'CUSTOM_CHALLENGE',
      Session: session,
      ChallengeParameters: { ...created.publicChallengeParameters, USERNAME: username },
    };
  }

  private async take(session: string | undefined): Promise<sql.ChallengeRow> {
    if (session === undefined) throw invalidParameter('Missing required parameter Session');
    const [challenge] = await this.database.query<sql.ChallengeRow>(sql.TAKE_CHALLENGE, [hashOf(session)]);
    if (!challenge) throw notAuthorized('Invalid session for the user.');
    if (challenge.uses > 1) throw notAuthorized('Invalid session for the user, session can only be used once.');
    if (challenge.expired) throw notAuthorized('Invalid session for the user, session is expired.');
    return challenge;
  }

  /**
   * Finds a user and refuses a disabled one. Returns null for an unknown user if the client hides whether users exist.
   */
  private async signable(pool: Pool, client: AppClient, username: string): Promise<UserRow | null> {
    const [user] = await this.database.query<UserRow>({
      name: 'get_user',
      text: GET_USER,
      values: [pool.id, usernameKey(pool, username)],
    });
    if (!user && client.settings.PreventUserExistenceErrors !== 'ENABLED') throw userNotFound();
    if (user && !user.enabled) throw userDisabled();
    return user ?? null;
  }
}
