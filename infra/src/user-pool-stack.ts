/**
 * StackFlow's user pool. It has no password sign-in, no self sign-up, and one confidential app client for custom auth
 * and refresh. The stack also contains the four triggers of the SSO bridge and the key that signs assertions.
 */
import path from 'node:path';
import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib/core';
import {
  AccountRecovery,
  CfnUserPoolClient,
  ClientAttributes,
  CfnUserPoolGroup,
  FeaturePlan,
  LambdaVersion,
  Mfa,
  StringAttribute,
  UserPool,
  UserPoolClient,
  UserPoolOperation,
} from 'aws-cdk-lib/aws-cognito';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { Architecture, Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { servicePolicies } from './permissions.ts';
import { TRIGGERS, type Settings, type Trigger } from './settings.ts';

type Props = StackProps & Omit<Settings, 'stackName' | 'account' | 'region'>;

const OPERATION: Readonly<Record<Trigger, UserPoolOperation>> = {
  'define-auth-challenge': UserPoolOperation.DEFINE_AUTH_CHALLENGE,
  'create-auth-challenge': UserPoolOperation.CREATE_AUTH_CHALLENGE,
  'verify-auth-challenge-response': UserPoolOperation.VERIFY_AUTH_CHALLENGE_RESPONSE,
  'pre-token-generation': UserPoolOperation.PRE_TOKEN_GENERATION_CONFIG,
};

export class UserPoolStack extends Stack {
  constructor(scope: Construct, id: string, props: Props) {
    super(scope, id, props);
    const pool = this.userPool();
    const client = this.client(pool, props.accessTokenMinutes);
    props.roles.forEach((role, i) => {
      new CfnUserPoolGroup(this, `Role-${role}`, { userPoolId: pool.userPoolId, groupName: role, precedence: i + 1 });
    });
    for (const trigger of TRIGGERS) this.trigger(pool, trigger, props);
    const key = new Key(this, 'AssertionKey', {
      description: 'Signs the assertions of auth-service, which cognito-triggers verify',
      keySpec: KeySpec.ECC_NIST_P256,
      keyUsage: KeyUsage.SIGN_VERIFY,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const policies = servicePolicies(this, pool, key);
    new CfnOutput(this, 'UserPoolId', { value: pool.userPoolId, description: 'COGNITO_USER_POOL_ID' });
    new CfnOutput(this, 'ClientId', { value: client.userPoolClientId, description: 'COGNITO_CLIENT_ID' });
    new CfnOutput(this, 'AssertionKeyArn', { value: key.keyArn, description: 'ASSERTION_KMS_KEYS' });
    for (const [service, policy] of policies)
      new CfnOutput(this, `PolicyOf${service.replaceAll('-', '')}`, { value: policy.managedPolicyArn });
  }

  /**
   * Creates the pool. User names are account ids. There is no alias, because two tenants may have the same e-mail
   * address.
   */
  private userPool(): UserPool {
    return new UserPool(this, 'Users', {
      signInAliases: { username: true },
      signInCaseSensitive: true,
      selfSignUpEnabled: false,
      mfa: Mfa.OFF, // Okta's policies require factors
      accountRecovery: AccountRecovery.NONE,
      // Claims in access tokens (pre-token-generation V2) need this plan.
      featurePlan: FeaturePlan.ESSENTIALS,
      passwordPolicy: {
        minLength: 32,
        requireDigits: true,
        requireLowercase: true,
        requireSymbols: true,
        requireUppercase: true,
      },
      customAttributes: {
        tenant_id: new StringAttribute({ mutable: true }),
        external_id: new StringAttribute({ mutable: true }),
        role: new StringAttribute({ mutable: true }),
      },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  private client(pool: UserPool, accessTokenMinutes: number): UserPoolClient {
    const client = pool.addClient('AuthService', {
      generateSecret: true,
      authFlows: { custom: true },
      preventUserExistenceErrors: true,
      enableTokenRevocation: true,
      accessTokenValidity: Duration.minutes(accessTokenMinutes),
      idTokenValidity: Duration.minutes(accessTokenMinutes),
      refreshTokenValidity: Duration.hours(12),
      authSessionValidity: Duration.minutes(3),
      disableOAuth: true,
      // ID tokens contain these attributes, which are all that identity-service writes.
      readAttributes: new ClientAttributes()
        .withStandardAttributes({
          email: true,
          fullname: true,
          givenName: true,
          familyName: true,
          preferredUsername: true,
        })
        .withCustomAttributes('tenant_id', 'external_id', 'role'),
      // An empty list would mean Cognito's default, which lets the holder of a token write far more.
      writeAttributes: new ClientAttributes().withStandardAttributes({ locale: true }),
    });
    // CDK adds ALLOW_REFRESH_TOKEN_AUTH itself. The explicit list excludes anything that a later default might add.
    (client.node.defaultChild as CfnUserPoolClient).explicitAuthFlows = [
      'ALLOW_CUSTOM_AUTH',
      'ALLOW_REFRESH_TOKEN_AUTH',
    ];
    return client;
  }

  private trigger(pool: UserPool, name: Trigger, { triggers, assertionJwks }: Props): void {
    const needsKeys = name === 'verify-auth-challenge-response' || name === 'pre-token-generation';
    const handler = new Lambda(this, `Trigger-${name}`, {
      description: `Cognito trigger of StackFlow's SSO bridge: ${name}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(path.join(triggers, name)),
      handler: 'index.handler',
      memorySize: 256,
      timeout: Duration.seconds(5), // Cognito gives up after five seconds
      logGroup: new LogGroup(this, `Log-${name}`, {
        retention: RetentionDays.THREE_MONTHS,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
      ...(needsKeys && { environment: { ASSERTION_JWKS: assertionJwks } }),
    });
    pool.addTrigger(
      OPERATION[name],
      handler,
      name === 'pre-token-generation' ? LambdaVersion.V2_0 : LambdaVersion.V1_0,
    );
  }
}
