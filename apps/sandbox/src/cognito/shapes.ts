/** The request shapes of Cognito's operations, with the limits of AWS's service model. */
import { z } from 'zod';

const text = (min: number, max: number, pattern: RegExp) => z.string().min(min).max(max).regex(pattern);
const VISIBLE = /^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$/u;
const poolId = text(1, 55, /^[\w-]+_[0-9a-zA-Z]+$/);
const username = text(1, 128, VISIBLE);
const groupName = text(1, 128, VISIBLE);
const title = text(1, 128, /^[\w\s+=,.@-]+$/);
const password = text(0, 256, /^[\S]+.*[\S]+$/);
const attributes = z.array(z.object({ Name: z.string().min(1).max(32), Value: z.string().max(2048).optional() }));
const attributeNames = z.array(z.string().min(1).max(32));
const limit = z.int().min(0).max(60).optional();
const pageToken = z.string().min(1).optional();
const timeUnit = z.enum(['seconds', 'minutes', 'hours', 'days']).optional();
const tags = z.record(z.string(), z.string());

export const inPool = z.object({ UserPoolId: poolId });
export const aboutUser = inPool.extend({ Username: username });
export const aboutGroup = inPool.extend({ GroupName: groupName });
export const aboutMembership = aboutUser.extend({ GroupName: groupName });

const policy = z.object({
  MinimumLength: z.int().min(6).max(99).optional(),
  RequireUppercase: z.boolean().optional(),
  RequireLowercase: z.boolean().optional(),
  RequireNumbers: z.boolean().optional(),
  RequireSymbols: z.boolean().optional(),
  TemporaryPasswordValidityDays: z.int().min(0).max(365).optional(),
});

const declaredAttribute = z.object({
  Name: text(1, 20, VISIBLE),
  AttributeDataType: z.enum(['String', 'Number', 'DateTime', 'Boolean']).optional(),
  DeveloperOnlyAttribute: z.boolean().optional(),
  Mutable: z.boolean().optional(),
  Required: z.boolean().optional(),
  StringAttributeConstraints: z
    .object({ MinLength: z.string().optional(), MaxLength: z.string().optional() })
    .optional(),
  NumberAttributeConstraints: z.object({ MinValue: z.string().optional(), MaxValue: z.string().optional() }).optional(),
});

export const createUserPool = z.object({
  PoolName: title,
  Schema: z.array(declaredAttribute).max(50).default([]),
  Policies: z.object({ PasswordPolicy: policy.optional() }).optional(),
  UsernameConfiguration: z.object({ CaseSensitive: z.boolean() }).optional(),
  UsernameAttributes: z.array(z.enum(['phone_number', 'email'])).default([]),
  AliasAttributes: z.array(z.enum(['phone_number', 'email', 'preferred_username'])).default([]),
  AdminCreateUserConfig: z.object({ AllowAdminCreateUserOnly: z.boolean().optional() }).optional(),
  UserPoolTags: tags.optional(),
});
export type CreateUserPool = z.output<typeof createUserPool>;

export const createUserPoolClient = inPool.extend({
  ClientName: title,
  GenerateSecret: z.boolean().default(false),
  ExplicitAuthFlows: z.array(z.string()).default([]),
  AccessTokenValidity: z.int().min(0).max(86_400).optional(),
  IdTokenValidity: z.int().min(0).max(86_400).optional(),
  RefreshTokenValidity: z.int().min(0).max(315_360_000).default(30),
  TokenValidityUnits: z.object({ AccessToken: timeUnit, IdToken: timeUnit, RefreshToken: timeUnit }).optional(),
  AuthSessionValidity: z.int().min(3).max(15).default(3),
  PreventUserExistenceErrors: z.enum(['LEGACY', 'ENABLED']).optional(),
  EnableTokenRevocation: z.boolean().default(true),
  ReadAttributes: attributeNames.optional(),
  WriteAttributes: attributeNames.optional(),
  RefreshTokenRotation: z
    .object({
      Feature: z.enum(['ENABLED', 'DISABLED']),
      RetryGracePeriodSeconds: z.int().min(0).max(60).default(0),
    })
    .optional(),
});
export type CreateUserPoolClient = z.output<typeof createUserPoolClient>;
const clientId = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\w+]+$/);
export const aboutClient = inPool.extend({ ClientId: clientId });

export const createGroup = aboutGroup.extend({
  Description: z.string().max(2048).optional(),
  Precedence: z.int().min(0).optional(),
  RoleArn: z.string().min(20).max(2048).optional(),
});
const paged = { Limit: limit, NextToken: pageToken };
export const listGroups = inPool.extend(paged);
export const listGroupsForUser = aboutUser.extend(paged);
export const listUsersInGroup = aboutGroup.extend(paged);
export const listUsers = inPool.extend({
  AttributesToGet: attributeNames.optional(),
  Limit: limit,
  PaginationToken: pageToken,
  Filter: z.string().max(256).default(''),
});

export const adminCreateUser = aboutUser.extend({
  UserAttributes: attributes.default([]),
  TemporaryPassword: password.optional(),
  ForceAliasCreation: z.boolean().optional(),
  MessageAction: z.enum(['RESEND', 'SUPPRESS']).optional(),
  DesiredDeliveryMediums: z.array(z.enum(['SMS', 'EMAIL'])).optional(),
});
export const adminUpdateUserAttributes = aboutUser.extend({ UserAttributes: attributes });
export const adminDeleteUserAttributes = aboutUser.extend({ UserAttributeNames: attributeNames });
export const adminSetUserPassword = aboutUser.extend({ Password: password, Permanent: z.boolean().default(false) });

const texts = z.record(z.string(), z.string().max(131_072));
export type ClientMetadata = z.output<typeof texts> | undefined;
const session = z.string().min(20).max(2048);
/** The shape limits only the length of a token or secret. The operation checks the content. */
const token = z.string().max(8_192);

export const initiateAuth = z.object({
  ClientId: clientId,
  AuthFlow: z.enum([
    'USER_SRP_AUTH',
    'REFRESH_TOKEN_AUTH',
    'REFRESH_TOKEN',
    'CUSTOM_AUTH',
    'ADMIN_NO_SRP_AUTH',
    'USER_PASSWORD_AUTH',
    'ADMIN_USER_PASSWORD_AUTH',
    'USER_AUTH',
  ]),
  AuthParameters: texts.default({}),
  ClientMetadata: texts.optional(),
});
export const adminInitiateAuth = initiateAuth.extend({ UserPoolId: poolId });
export const adminRespondToAuthChallenge = aboutClient.extend({
  ChallengeName: z.string().min(1).max(64),
  ChallengeResponses: texts.default({}),
  Session: session.optional(),
  ClientMetadata: texts.optional(),
});
export const getTokensFromRefreshToken = z.object({
  RefreshToken: token,
  ClientId: clientId,
  ClientSecret: token.optional(),
  ClientMetadata: texts.optional(),
});
export const revokeToken = z.object({ Token: token, ClientId: clientId, ClientSecret: token.optional() });
export const withAccessToken = z.object({ AccessToken: token });
export const updateUserAttributes = withAccessToken.extend({ UserAttributes: attributes });
