/**
 * Invokes the triggers with JSON, as Cognito does. A trigger that does not answer within five seconds is called again,
 * at most three times in total. The same handlers are deployed as Lambda functions.
 */
import { z } from 'zod';
import type { Logger } from '#platform';
import { parseAssertionKeys } from '../../../cognito-triggers/src/assertion.js';
import { createAuthChallenge } from '../../../cognito-triggers/src/create-auth-challenge.js';
import { defineAuthChallenge } from '../../../cognito-triggers/src/define-auth-challenge.js';
import type * as event from '../../../cognito-triggers/src/events.js';
import { preTokenGeneration } from '../../../cognito-triggers/src/pre-token-generation.js';
import { verifyAuthChallengeResponse } from '../../../cognito-triggers/src/verify-auth-challenge-response.js';
import { AwsError } from '../aws/aws-error.js';

export interface Triggers {
  readonly DefineAuthChallenge: event.TriggerHandler<event.DefineAuthChallengeEvent>;
  readonly CreateAuthChallenge: event.TriggerHandler<event.CreateAuthChallengeEvent>;
  readonly VerifyAuthChallengeResponse: event.TriggerHandler<event.VerifyAuthChallengeResponseEvent>;
  readonly PreTokenGeneration: event.TriggerHandler<event.PreTokenGenerationEvent>;
}

/** `jwks` contains the public keys of auth-service, in the form in which the Lambda functions get them. */
export function productTriggers(jwks: string, logger: Logger): Triggers {
  const keys = parseAssertionKeys(jwks);
  return {
    DefineAuthChallenge: defineAuthChallenge,
    CreateAuthChallenge: createAuthChallenge,
    VerifyAuthChallengeResponse: verifyAuthChallengeResponse(keys, (entry) => logger.warn(entry, 'assertion refused')),
    PreTokenGeneration: preTokenGeneration(keys),
  };
}

const LIMIT_MS = 5_000;
const ATTEMPTS = 3;
const TIMED_OUT = Symbol('timed out');

const texts = z.record(z.string(), z.string());
const names = z.array(z.string());
const changes = z.object({
  claimsToAddOrOverride: z.record(z.string(), z.unknown()).nullish(),
  claimsToSuppress: names.nullish(),
});

const ANSWERS = {
  DefineAuthChallenge: z.object({
    challengeName: z.string().nullish(),
    issueTokens: z.boolean().nullish(),
    failAuthentication: z.boolean().nullish(),
  }),
  CreateAuthChallenge: z.object({
    publicChallengeParameters: texts.nullish(),
    privateChallengeParameters: texts.nullish(),
    challengeMetadata: z.string().nullish(),
  }),
  VerifyAuthChallengeResponse: z.object({ answerCorrect: z.boolean() }),
  PreTokenGeneration: z.object({
    claimsAndScopeOverrideDetails: z
      .object({
        idTokenGeneration: changes.nullish(),
        accessTokenGeneration: changes
          .extend({ scopesToAdd: names.nullish(), scopesToSuppress: names.nullish() })
          .nullish(),
        groupOverrideDetails: z.object({ groupsToOverride: names.nullish() }).nullish(),
      })
      .nullish(),
  }),
} as const satisfies Record<keyof Triggers, z.ZodType>;

export type TriggerAnswer<N extends keyof Triggers> = z.output<(typeof ANSWERS)[N]>;
export type TriggerInput<N extends keyof Triggers> = Parameters<Triggers[N]>[0];

export class TriggerRunner {
  constructor(
    private readonly triggers: Triggers | undefined,
    private readonly limitMs = LIMIT_MS,
  ) {}

  async run<N extends keyof Triggers>(name: N, input: TriggerInput<N>): Promise<TriggerAnswer<N>> {
    if (!this.triggers)
      throw new AwsError(
        'InvalidLambdaResponseException',
        'The sandbox has no triggers: set ASSERTION_JWKS to the public keys of auth-service.',
      );
    const handler = this.triggers[name] as (input: unknown) => Promise<unknown>;
    const output = z.object({ response: z.unknown() }).safeParse(await this.invoke(name, handler, input));
    const answer = ANSWERS[name].safeParse(output.data?.response);
    if (!answer.success) throw new AwsError('InvalidLambdaResponseException', 'Unrecognizable lambda output');
    return answer.data as TriggerAnswer<N>;
  }

  private async invoke(name: string, handler: (input: unknown) => Promise<unknown>, input: unknown): Promise<unknown> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const output = await withinLimit(() => handler(asJson(input)), this.limitMs).catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        throw new AwsError('UserLambdaValidationException', `${name} failed with error ${message}.`);
      });
      if (output !== TIMED_OUT) return asJson(output);
    }
    throw new AwsError('UnexpectedLambdaException', `${name} invocation failed due to error Lambda timed out.`);
  }
}

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? 'null');

/** Waits for a handler until the limit. A late handler continues to run, but its result is ignored. */
async function withinLimit<T>(work: () => Promise<T>, limitMs: number): Promise<T | typeof TIMED_OUT> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<typeof TIMED_OUT>((resolve) => (timer = setTimeout(resolve, limitMs, TIMED_OUT)));
  try {
    return await Promise.race([work(), limit]);
  } finally {
    clearTimeout(timer);
  }
}
