/**
 * The events of Cognito's triggers, with the members that our handlers read. Source: "Custom authentication challenge
 * Lambda triggers" and "Pre token generation Lambda trigger" in the Amazon Cognito developer guide. A trigger returns
 * its event with `response` filled in.
 */
interface TriggerEvent<Source extends string, Request, Response> {
  readonly version: string;
  readonly region: string;
  readonly userPoolId: string;
  readonly userName: string;
  readonly callerContext: { readonly awsSdkVersion: string; readonly clientId: string };
  readonly triggerSource: Source;
  readonly request: Request;
  readonly response: Response;
}

/** A challenge that was answered earlier in the same sign-in. */
export interface ChallengeRound {
  readonly challengeName: string;
  readonly challengeResult: boolean;
  readonly challengeMetadata?: string | null;
}

type Texts = Readonly<Record<string, string>>;

interface AboutUser {
  readonly userAttributes: Texts;
  /** Unchecked data from the caller of AdminRespondToAuthChallenge or GetTokensFromRefreshToken. */
  readonly clientMetadata?: Texts | null;
  /** True if the pool has no such user and hides this fact (`PreventUserExistenceErrors`). */
  readonly userNotFound?: boolean;
}

export type DefineAuthChallengeEvent = TriggerEvent<
  'DefineAuthChallenge_Authentication',
  AboutUser & { readonly session: readonly ChallengeRound[] },
  {
    readonly challengeName?: string | null;
    readonly issueTokens?: boolean | null;
    readonly failAuthentication?: boolean | null;
  }
>;

export type CreateAuthChallengeEvent = TriggerEvent<
  'CreateAuthChallenge_Authentication',
  AboutUser & { readonly challengeName: string; readonly session: readonly ChallengeRound[] },
  {
    readonly publicChallengeParameters?: Texts | null;
    readonly privateChallengeParameters?: Texts | null;
    readonly challengeMetadata?: string | null;
  }
>;

export type VerifyAuthChallengeResponseEvent = TriggerEvent<
  'VerifyAuthChallengeResponse_Authentication',
  AboutUser & { readonly privateChallengeParameters: Texts | null; readonly challengeAnswer: string },
  { readonly answerCorrect?: boolean | null }
>;

export interface GroupConfiguration {
  readonly groupsToOverride?: readonly string[] | null;
  readonly iamRolesToOverride?: readonly string[] | null;
  readonly preferredRole?: string | null;
}

export interface TokenChanges {
  readonly claimsToAddOrOverride?: Readonly<Record<string, unknown>>;
  readonly claimsToSuppress?: readonly string[];
}

export type PreTokenGenerationEvent = TriggerEvent<
  | 'TokenGeneration_Authentication'
  | 'TokenGeneration_RefreshTokens'
  | 'TokenGeneration_NewPasswordChallenge'
  | 'TokenGeneration_AuthenticateDevice'
  | 'TokenGeneration_HostedAuth',
  AboutUser & { readonly groupConfiguration: GroupConfiguration; readonly scopes?: readonly string[] },
  {
    readonly claimsAndScopeOverrideDetails?: {
      readonly idTokenGeneration?: TokenChanges;
      readonly accessTokenGeneration?: TokenChanges & {
        readonly scopesToAdd?: readonly string[];
        readonly scopesToSuppress?: readonly string[];
      };
      readonly groupOverrideDetails?: GroupConfiguration | null;
    } | null;
  }
>;

export type TriggerHandler<E> = (event: E) => Promise<E>;
