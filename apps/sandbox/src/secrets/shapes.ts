/** The request shapes of Secrets Manager's operations, with the limits of AWS's service model. */
import { z } from 'zod';

const MAX_SECRET_BYTES = 65_536;

const secretId = z.string().min(1).max(2048);
const token = z.string().min(32).max(64);
const stage = z.string().min(1).max(256);
const value = {
  SecretString: z
    .string()
    .refine((v) => Buffer.byteLength(v) <= MAX_SECRET_BYTES, {
      error: `Member must have length less than or equal to ${MAX_SECRET_BYTES}`,
    })
    .optional(),
  SecretBinary: z
    .base64()
    .refine((v) => Buffer.from(v, 'base64').length <= MAX_SECRET_BYTES, {
      error: `Member must have length less than or equal to ${MAX_SECRET_BYTES}`,
    })
    .optional(),
};

export const createSecret = z.object({
  Name: z.string().min(1).max(512),
  ClientRequestToken: token,
  Description: z.string().max(2048).optional(),
  Tags: z.array(z.object({ Key: z.string().min(1).max(128), Value: z.string().max(256) })).default([]),
  ...value,
});
export const putSecretValue = z.object({
  SecretId: secretId,
  ClientRequestToken: token,
  VersionStages: z.array(stage).min(1).max(20).optional(),
  ...value,
});
export const getSecretValue = z.object({
  SecretId: secretId,
  VersionId: token.optional(),
  VersionStage: stage.optional(),
});
export const updateSecretVersionStage = z.object({
  SecretId: secretId,
  VersionStage: stage,
  RemoveFromVersionId: token.optional(),
  MoveToVersionId: token.optional(),
});
export const aboutSecret = z.object({ SecretId: secretId });
export const deleteSecret = z.object({
  SecretId: secretId,
  RecoveryWindowInDays: z.int().optional(),
  ForceDeleteWithoutRecovery: z.boolean().optional(),
});
export const listSecrets = z.object({
  MaxResults: z.int().min(1).max(100).default(100),
  NextToken: z.string().min(1).max(4096).optional(),
  IncludePlannedDeletion: z.boolean().default(false),
  SortOrder: z.enum(['asc', 'desc']).default('asc'),
  Filters: z
    .array(
      z.object({
        Key: z.enum(['name', 'description', 'all']),
        Values: z.array(z.string().min(1).max(512)).min(1).max(10),
      }),
    )
    .max(10)
    .default([]),
});
export type SecretValue = { SecretString?: string | undefined; SecretBinary?: string | undefined };
