/** The AWS permissions of each service, as one managed policy to attach to the service's role. */
import { ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IUserPool } from 'aws-cdk-lib/aws-cognito';
import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

/** Cognito operations by service. Each external fact has one writer (docs/architecture.md). */
export const COGNITO: Readonly<Record<string, readonly string[]>> = {
  'identity-service': [
    'AdminCreateUser',
    'AdminDeleteUser',
    'AdminGetUser',
    'AdminUpdateUserAttributes',
    'AdminSetUserPassword',
    'AdminAddUserToGroup',
    'AdminRemoveUserFromGroup',
    'AdminListGroupsForUser',
    'CreateGroup',
    'ListUsers',
    'ListUsersInGroup',
  ],
  'deactivation-worker': ['AdminDisableUser', 'AdminEnableUser', 'AdminUserGlobalSignOut', 'AdminGetUser'],
  'auth-service': ['AdminInitiateAuth', 'AdminRespondToAuthChallenge'],
};

/**
 * Kinds of secrets that a service may read. A secret is named `stackflow/<tenant>/<kind>`. `?` stands for a character
 * of the suffix that Secrets Manager adds.
 */
const READS: Readonly<Record<string, readonly string[]>> = {
  'scim-gateway': ['scim-token'],
  'deactivation-worker': ['okta'],
  'auth-service': ['oidc'],
};
const READ = ['secretsmanager:GetSecretValue'];
const WRITE = [
  ...READ,
  ...['Create', 'Delete'].map((verb) => `secretsmanager:${verb}Secret`),
  'secretsmanager:PutSecretValue',
];

export function servicePolicies(
  scope: Construct,
  pool: IUserPool,
  signingKey: IKey,
): ReadonlyMap<string, ManagedPolicy> {
  const stack = Stack.of(scope);
  const secret = (kind: string): string =>
    stack.formatArn({
      service: 'secretsmanager',
      resource: 'secret',
      resourceName: `stackflow/*/${kind}-??????`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  const statements: Record<string, PolicyStatement[]> = {};
  const allow = (service: string, actions: readonly string[], resources: readonly string[]): void => {
    (statements[service] ??= []).push(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
  };
  for (const [service, operations] of Object.entries(COGNITO))
    allow(
      service,
      operations.map((o) => `cognito-idp:${o}`),
      [pool.userPoolArn],
    );
  for (const [service, kinds] of Object.entries(READS)) allow(service, READ, kinds.map(secret));
  allow('integration-hub', WRITE, ['scim-token', 'okta', 'oidc'].map(secret));
  allow('auth-service', ['kms:Sign', 'kms:GetPublicKey'], [signingKey.keyArn]);
  return new Map(
    Object.entries(statements).map(([service, list]) => [
      service,
      new ManagedPolicy(scope, `Policy-${service}`, {
        managedPolicyName: `${stack.stackName}-${service}`,
        description: `Permissions of ${service} of StackFlow`,
        statements: list,
      }),
    ]),
  );
}
