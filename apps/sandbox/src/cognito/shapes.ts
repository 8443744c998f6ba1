/** The shapes of Cognito's requests, with the limits of the service model. */
import { z } from 'zod';

const poolId = z
  .string()
  .min(1)
  .max(55)
  .regex(/^[\w-]+_[0-9a-zA-Z]+$/);
const username = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$/u);
const groupName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$/u);
const password = z
  .string()
  .max(256)
  .regex(/^[\S]+.*[\S]+$/);
const attributes = z.array(z.object({ Name: z.string().min(1).max(32), Value: z.string().max(2048).optional() }));
const attributeNames = z.array(z.string().min(1).max(32));
const limit = z.int().min(0).max(60).optional();
const pageToken = z.string().min(1).optional();
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

export const createUserPool = z.object({
  PoolName: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\w\s+=,.@-]+$/),
  Schema: z
    .array(
      z.object({
        Name: z
          .string()
          .min(1)
          .max(20)
          .regex(/^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$/u),
        AttributeDataType: z.enum(['String', 'Number', 'DateTime', 'Boolean']).optional(),
        DeveloperOnlyAttribute: z.boolean().optional(),
        Mutable: z.boolean().optional(),
        Required: z.boolean().optional(),
        StringAttributeConstraints: z
          .object({ MinLength: z.string().optional(), MaxLength: z.string().optional() })
          .optional(),
        NumberAttributeConstraints: z
          .object({ MinValue: z.string().optional(), MaxValue: z.string().optional() })
          .optional(),
      }),
    )
    .max(50)
    .default([]),
  Policies: z.object({ PasswordPolicy: policy.optional() }).optional(),
  UsernameConfiguration: z.object({ CaseSensitive: z.boolean() }).optional(),
  UsernameAttributes: z.array(z.enum(['phone_number', 'email'])).default([]),
  AliasAttributes: z.array(z.enum(['phone_number', 'email', 'preferred_username'])).default([]),
  AdminCreateUserConfig: z.object({ AllowAdminCreateUserOnly: z.boolean().optional() }).optional(),
  UserPoolTags: tags.optional(),
});
export type CreateUserPool = z.output<typeof createUserPool>;

export const createUserPoolClient = inPool.extend({
  ClientName: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\w\s+=,.@-]+$/),
  GenerateSecret: z.boolean().default(false),
  ExplicitAuthFlows: z.array(z.string()).default([]),
  AccessTokenValidity: z.int().min(0).max(86_400).optional(),
  IdTokenValidity: z.int().min(0).max(86_400).optional(),
  RefreshTokenValidity: z.int().min(0).max(315_360_000).default(30),
  TokenValidityUnits: z.record(z.string(), z.enum(['seconds', 'minutes', 'hours', 'days'])).optional(),
  AuthSessionValidity: z.int().min(3).max(15).default(3),
  PreventUserExistenceErrors: z.enum(['LEGACY', 'ENABLED']).optional(),
  EnableTokenRevocation: z.boolean().default(true),
});
export type CreateUserPoolClient = z.output<typeof createUserPoolClient>;
export const aboutClient = inPool.extend({
  ClientId: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\w+]+$/),
});

export const createGroup = aboutGroup.extend({
  Description: z.string().max(2048).optional(),
  Precedence: z.int().min(0).optional(),
  RoleArn: z.string().min(20).max(2048).optional(),
});
export const listGroups = inPool.extend({ Limit: limit, NextToken: pageToken });
export const listGroupsForUser = aboutUser.extend({ Limit: limit, NextToken: pageToken });
export const listUsersInGroup = aboutGroup.extend({ Limit: limit, NextToken: pageToken });
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
