import {
  choice,
  decimal,
  integer,
  list,
  optionalUrl,
  serviceSettings,
  text,
  type ConfigShape,
  type Setting,
} from '#platform';
import { z } from 'zod';
import { parseAssertionKeys } from '../../cognito-triggers/src/assertion.js';
import { DEFAULT_QUOTAS, quotaChange, SIGN_OUT_CATEGORIES, type Quotas } from './cognito/quotas.js';

/** A JSON object from names of request quotas to requests per second. Other quotas keep Cognito's defaults. */
const quotas: Setting<Quotas> = {
  schema: z
    .string()
    .prefault('{}')
    .transform((raw, context): Quotas => {
      try {
        const parsed = quotaChange.safeParse(JSON.parse(raw));
        if (parsed.success) return { ...DEFAULT_QUOTAS, ...(parsed.data as Partial<Quotas>) };
      } catch {
        // The text is not JSON. The code below reports the error.
      }
      context.addIssue({
        code: 'custom',
        message: `must be a JSON object such as {"UserCreation":50}, in requests per second; possible names: ${Object.keys(DEFAULT_QUOTAS).join(', ')}`,
      });
      return z.NEVER;
    }),
  purpose: "Cognito's request quotas that the sandbox enforces.",
  example: '{"UserCreation":50}',
};

/** Checks the text with the function that the triggers use to parse it. */
const assertionJwks: Setting<string | undefined> = {
  schema: z
    .string()
    .refine((json) => {
      try {
        return parseAssertionKeys(json) !== undefined;
      } catch {
        return false;
      }
    }, 'must be a JWKS with public P-256 keys only, each with its own "kid"')
    .optional(),
  purpose:
    'Public keys of auth-service, for the triggers of the sandbox Cognito. Without them, nobody can sign in there.',
  example: '{"keys":[{"kty":"EC","crv":"P-256","kid":"2026-11","x":"...","y":"..."}]}',
};

const port = (what: string, example: string): Setting<number> =>
  integer({ purpose: `TCP port of the sandbox ${what}; 0 picks a free one.`, example, default: 0, min: 0, max: 65535 });

export const sandboxSettings = {
  ...serviceSettings,
  COGNITO_PORT: port('Cognito', '9400'),
  SECRETS_MANAGER_PORT: port('Secrets Manager', '9401'),
  OKTA_PORT: port('Okta', '9402'),
  SANDBOX_OKTA_ORIGIN: optionalUrl({
    purpose:
      'Issuer of the sandbox Okta. Set it if browsers and services do not reach the sandbox Okta at its listen address.',
    example: 'http://okta.localhost:9402',
  }),
  AWS_REGION: text({
    purpose: 'AWS region that the stand-ins claim to be in.',
    example: 'us-east-1',
    default: 'us-east-1',
  }),
  SANDBOX_COGNITO_QUOTAS: quotas,
  SANDBOX_SIGN_OUT_CATEGORY: choice(SIGN_OUT_CATEGORIES, {
    purpose: 'Quota category in which the sandbox Cognito counts global sign-outs.',
    example: 'UserToken',
    default: 'UserUpdate',
  }),
  SANDBOX_COGNITO_ATTRIBUTES: list({
    purpose: 'Custom attributes that the default user pool declares, without "custom:".',
    example: 'role,tenant_id',
    default: ['role', 'roles', 'tenant', 'tenant_id', 'external_id', 'okta_sub'],
  }),
  ASSERTION_JWKS: assertionJwks,
  SANDBOX_OKTA_PACE: integer({
    purpose:
      'Mean pause in milliseconds between two SCIM requests of the sandbox Okta. The real Okta paused 200-250 ms in recordings.',
    example: '0',
    default: 225,
    min: 0,
    max: 60_000,
  }),
  SANDBOX_TIME_SCALE: decimal({
    purpose: 'Factor for the long waits of the sandbox Okta after status 429. Tests use a small factor.',
    example: '0.01',
    default: 1,
    min: 0,
    max: 1,
  }),
} satisfies ConfigShape;
