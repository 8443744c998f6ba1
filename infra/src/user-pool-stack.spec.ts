/** Checks the template for CloudFormation: settings that must not change by accident. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App } from 'aws-cdk-lib/core';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { settingsFrom, SettingsFault, TRIGGERS } from './settings.ts';
import { UserPoolStack } from './user-pool-stack.ts';

describe('UserPoolStack', () => {
  let folder: string;
  let template: Template;
  const settings = (context: Record<string, unknown> = {}) =>
    settingsFrom((name) => ({ triggers: folder, region: 'eu-central-1', account: '111111111111', ...context })[name]);
  const jwks = (key: object): string => {
    const file = path.join(folder, 'jwks.json');
    fs.writeFileSync(file, JSON.stringify({ keys: [key] }));
    return file;
  };

  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-infra-'));
    for (const name of TRIGGERS) {
      fs.mkdirSync(path.join(folder, name));
      fs.writeFileSync(path.join(folder, name, 'index.mjs'), `export const handler = '${name}';\n`);
    }
    const { account, region, ...rest } = settings({
      assertionJwksFile: jwks({ kty: 'EC', crv: 'P-256', kid: 'k1', x: 'x', y: 'y' }),
    });
    template = Template.fromStack(
      new UserPoolStack(new App(), 'Test', { ...rest, env: { account: account ?? '', region: region ?? '' } }),
    );
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('uses account ids as user names, disables self sign-up, and keeps the pool when the stack is deleted', () => {
    template.hasResource('AWS::Cognito::UserPool', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    template.hasResourceProperties('AWS::Cognito::UserPool', {
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
      UsernameConfiguration: { CaseSensitive: true },
      UsernameAttributes: Match.absent(),
      AliasAttributes: Match.absent(),
      DeletionProtection: 'ACTIVE',
      UserPoolTier: 'ESSENTIALS',
      Schema: ['tenant_id', 'external_id', 'role'].map((Name) =>
        Match.objectLike({ Name, AttributeDataType: 'String', Mutable: true }),
      ),
    });
  });

  it('has one client, with custom auth and refresh only, and no hosted UI', () => {
    template.resourceCountIs('AWS::Cognito::UserPoolClient', 1);
    template.hasResourceProperties('AWS::Cognito::UserPoolClient', {
      GenerateSecret: true,
      ExplicitAuthFlows: ['ALLOW_CUSTOM_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      AllowedOAuthFlowsUserPoolClient: false,
      PreventUserExistenceErrors: 'ENABLED',
      EnableTokenRevocation: true,
      AccessTokenValidity: 10,
      TokenValidityUnits: Match.objectLike({ AccessToken: 'minutes' }),
      AuthSessionValidity: 3,
    });
  });

  it('lets the holder of a token change nothing that matters, and lets nobody recover a password', () => {
    template.hasResourceProperties('AWS::Cognito::UserPoolClient', {
      WriteAttributes: ['locale'],
      ReadAttributes: [
        ...['custom:external_id', 'custom:role', 'custom:tenant_id'],
        ...['email', 'family_name', 'given_name', 'name', 'preferred_username'],
      ],
    });
    template.hasResourceProperties('AWS::Cognito::UserPool', {
      AccountRecoverySetting: { RecoveryMechanisms: [{ Name: 'admin_only', Priority: 1 }] },
    });
  });

  it('has a group for each role, highest precedence first', () => {
    const groups = Object.values(template.findResources('AWS::Cognito::UserPoolGroup')).map(
      (g) => (g as { Properties: { GroupName: string; Precedence: number } }).Properties,
    );
    expect(groups.sort((a, b) => a.Precedence - b.Precedence).map((g) => g.GroupName)).toEqual([
      'super_admin',
      'itsm_manager',
      'itsm_agent',
      'viewer',
    ]);
  });

  it('runs the four triggers, the token trigger with event version 2, and gives keys only to triggers that verify', () => {
    template.hasResourceProperties('AWS::Cognito::UserPool', {
      LambdaConfig: {
        DefineAuthChallenge: Match.anyValue(),
        CreateAuthChallenge: Match.anyValue(),
        VerifyAuthChallengeResponse: Match.anyValue(),
        PreTokenGenerationConfig: { LambdaVersion: 'V2_0', LambdaArn: Match.anyValue() },
      },
    });
    const functions = Object.values(template.findResources('AWS::Lambda::Function')) as {
      Properties: { Description: string; Timeout: number; Environment?: { Variables: Record<string, string> } };
    }[];
    expect(functions).toHaveLength(4);
    for (const { Properties } of functions) {
      expect(Properties.Timeout).toBe(5);
      const keys = Properties.Environment?.Variables.ASSERTION_JWKS;
      if (/verify|pre-token/.test(Properties.Description))
        expect(JSON.parse(keys ?? '')).toMatchObject({ keys: [{ kid: 'k1' }] });
      else expect(keys).toBeUndefined();
    }
    template.resourceCountIs('AWS::Lambda::Permission', 4);
  });

  it('creates a P-256 signing key in KMS and keeps it when the stack is deleted', () => {
    template.hasResource('AWS::KMS::Key', {
      DeletionPolicy: 'Retain',
      Properties: Match.objectLike({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }),
    });
  });

  describe('the permissions', () => {
    interface Statement {
      readonly Action: string | string[];
      readonly Resource: unknown;
      readonly Effect: string;
    }
    const statements = (service: string): Statement[] =>
      Object.values(template.findResources('AWS::IAM::ManagedPolicy'))
        .map((p) => p as { Properties: { ManagedPolicyName: string; PolicyDocument: { Statement: Statement[] } } })
        .filter((p) => p.Properties.ManagedPolicyName === `StackFlowUserPool-${service}`)
        .flatMap((p) => p.Properties.PolicyDocument.Statement);
    const actions = (service: string): string[] =>
      statements(service)
        .flatMap((s) => s.Action)
        .sort();

    it.each(['scim-gateway', 'identity-service', 'deactivation-worker', 'auth-service', 'integration-hub'])(
      '%s gets no wildcard action and no wildcard resource',
      (service) => {
        expect(statements(service).length).toBeGreaterThan(0);
        for (const { Action, Resource } of statements(service)) {
          expect([Action].flat().join()).not.toContain('*');
          expect(JSON.stringify(Resource)).not.toMatch(/"\*"/);
        }
      },
    );

    it('let only one service write each fact of Cognito', () => {
      const writers = new Map<string, string[]>();
      for (const service of ['identity-service', 'deactivation-worker', 'auth-service'])
        for (const action of actions(service).filter((a) => a.startsWith('cognito-idp:') && !/Get|List/.test(a)))
          writers.set(action, [...(writers.get(action) ?? []), service]);
      expect([...writers].filter(([, services]) => services.length > 1)).toEqual([]);
      expect(writers.get('cognito-idp:AdminDisableUser')).toEqual(['deactivation-worker']);
      expect(writers.get('cognito-idp:AdminDeleteUser')).toEqual(['identity-service']);
      expect(writers.get('cognito-idp:AdminInitiateAuth')).toEqual(['auth-service']);
    });

    it('let only auth-service sign, and only integration-hub write secrets', () => {
      const all = ['scim-gateway', 'identity-service', 'deactivation-worker', 'auth-service', 'integration-hub'];
      expect(all.filter((s) => actions(s).includes('kms:Sign'))).toEqual(['auth-service']);
      expect(all.filter((s) => actions(s).includes('secretsmanager:PutSecretValue'))).toEqual(['integration-hub']);
      expect(JSON.stringify(statements('scim-gateway'))).toContain('stackflow/*/scim-token-??????');
    });

    it('give a service exactly the actions on secrets that it uses, and let none delete secrets', () => {
      const onSecrets = (service: string) => actions(service).filter((action) => action.startsWith('secretsmanager:'));
      for (const service of ['scim-gateway', 'deactivation-worker', 'auth-service'])
        expect([service, onSecrets(service)]).toEqual([service, ['secretsmanager:GetSecretValue']]);
      expect(onSecrets('identity-service')).toEqual([]);
      expect(onSecrets('integration-hub')).toEqual(
        ['CreateSecret', 'DeleteSecret', 'GetSecretValue', 'PutSecretValue'].map(
          (action) => `secretsmanager:${action}`,
        ),
      );
    });
  });

  describe('settingsFrom', () => {
    const faultsOf = (context: Record<string, unknown>): string => {
      try {
        settings(context);
        return '';
      } catch (error) {
        expect(error).toBeInstanceOf(SettingsFault);
        return (error as Error).message;
      }
    };

    it('reports all faults at once', () => {
      const message = faultsOf({ triggers: '/nowhere', accessTokenMinutes: 600, roles: 'Admin' });
      expect(message).toContain('3 fault(s)');
      expect(message).toContain('npm run build:triggers');
    });

    it.each([
      ['a private key', { kty: 'EC', crv: 'P-256', kid: 'k', x: 'x', y: 'y', d: 'secret' }, 'private key'],
      ['another curve', { kty: 'EC', crv: 'P-384', kid: 'k', x: 'x', y: 'y' }, 'no P-256 key'],
      ['an RSA key', { kty: 'RSA', kid: 'k', n: 'n', e: 'e' }, 'no P-256 key'],
    ])('refuses a key set with %s', (_, key, reason) =>
      expect(faultsOf({ assertionJwksFile: jwks(key) })).toContain(reason),
    );

    it('refuses a file that is not a key set', () => {
      const file = path.join(folder, 'broken.json');
      fs.writeFileSync(file, 'no json');
      expect(faultsOf({ assertionJwksFile: file })).toContain('cannot be read');
    });
  });
});
