/**
 * Everything besides the pipeline that sign-ins need: an Okta that has pushed its people over SCIM, the triggers' keys,
 * and auth-service.
 */
import {
  CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { FileSigner } from '../../apps/auth-service/src/assertion/file-signer.js';
import { freePort } from '../../tools/local/ports.js';
import { until } from '../../test/support/waiting.js';
import { TENANT, type Service, type Stack } from '../stack.js';
import { SandboxOkta } from './okta.js';

const ISSUER = 'https://sandbox.okta.com';
/** The address of auth-service for browsers. The load generator uses its own port. */
export const ORIGIN = 'http://localhost:8080';
const CLIENT = 'bench';
const AUDIENCE = 'incidents';
const GROUP = 'StackFlow-Agents';
const READY_LIMIT_MS = 120_000;

export interface UserPool {
  readonly userPoolId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A person with access, and their access token of Okta's custom authorization server. */
export interface SubjectToken {
  readonly login: string;
  readonly accountId: string;
  readonly oktaId: string;
  readonly token: string;
}

export interface Connected {
  readonly tenantId: string;
  /** The credentials that the client sends after `Basic`. */
  readonly basic: string;
}

export class SsoWorld {
  private constructor(
    private readonly stack: Stack,
    readonly sandbox: Service,
    readonly okta: SandboxOkta,
    readonly pool: UserPool,
    readonly keyFile: string,
    private readonly workerUrl: string,
  ) {}

  /** Starts everything except auth-service, and pushes `people` people with one role each. */
  static async start(stack: Stack, people: number, say: (text: string) => void): Promise<SsoWorld> {
    const keyFile = writeKey(stack.options.folder);
    const port = await freePort();
    const okta = new SandboxOkta(`http://127.0.0.1:${port}`, TENANT);
    const sandbox = await stack.startSandbox({
      OKTA_PORT: String(port),
      SANDBOX_OKTA_ORIGIN: okta.origin,
      SANDBOX_OKTA_PACE: '0',
      ASSERTION_JWKS: JSON.stringify({ keys: (await FileSigner.load([keyFile])).jwks() }),
    });
    const { token: scimToken } = await stack.createTenant();
    const gateway = await stack.startGateway();
    await stack.startIdentity();
    const worker = await stack.startWorker(); // this service publishes who has access
    await okta.call('PUT', '', { scimBaseUrl: `${gateway.url}/scim/v2`, token: scimToken });
    say(`Okta assigns ${people} people and pushes their group`);
    await okta.assign(logins(people));
    await okta.call('POST', '/push-group', { group: GROUP, members: logins(people) });
    return new SsoWorld(stack, sandbox, okta, await userPool(stack), keyFile, worker.url);
  }

  /** Starts auth-service. Resolves when the service knows the tenant and all people who are in Cognito. */
  async startAuthService(people: number, env: NodeJS.ProcessEnv = {}): Promise<Service> {
    const { stack, okta, pool, keyFile, workerUrl } = this;
    const service = await stack.startService('auth-service', 'apps/auth-service/src/main.js', {
      ...stack.awsEnvironment(),
      DATABASE_URL: stack.serviceUrl('stackflow', 'auth-service'),
      ...stack.cognitoEnvironment(),
      COGNITO_CLIENT_ID: pool.clientId,
      COGNITO_CLIENT_SECRET: pool.clientSecret,
      DEACTIVATION_WORKER_URL: workerUrl,
      ASSERTION_KEY_FILES: keyFile,
      SESSION_KEYS: randomBytes(32).toString('base64url'),
      PUBLIC_ORIGIN: ORIGIN,
      OKTA_ISSUER_OVERRIDE: okta.origin,
      ...env,
    });
    await until(
      `auth-service knows ${people} people`,
      async () => {
        const [row] = await stack.sql<{ ready: number }>('stackflow', KNOWN);
        return row?.ready === people;
      },
      READY_LIMIT_MS,
      200,
    );
    return service;
  }

  /** Allows people to sign in, and allows one client to exchange their tokens. */
  async connect(service: Service): Promise<Connected> {
    const { clientId, clientSecret } = await this.okta.client(`${ORIGIN}/auth/okta/callback`);
    const connection = { by: 'bench', issuer: ISSUER, clientId, clientSecret };
    const { tenant } = await this.stack.withHub((hub) => hub.connectSso(TENANT, connection));
    await until(
      'auth-service knows the connection',
      async () => {
        const { status } = await fetch(`${service.url}/auth/okta/login`, { redirect: 'manual' });
        return status === 302;
      },
      READY_LIMIT_MS,
      200,
    );
    const server = { issuer: `${ISSUER}/oauth2/default`, audience: 'api://default' };
    const source = { ...server, clientIds: [clientId], scope: 'openid' };
    await this.internal(service, `/tenants/${tenant.id}/exchange/source`, source);
    const policy = { tenants: [tenant.id], audiences: [AUDIENCE], tokenKinds: ['access_token'] };
    const made = (await this.internal(service, `/exchange/clients/${CLIENT}`, policy)) as { clientSecret: string };
    return { tenantId: tenant.id, basic: Buffer.from(`${CLIENT}:${made.clientSecret}`).toString('base64') };
  }

  async subjectTokens(): Promise<SubjectToken[]> {
    const accounts = await this.stack.sql<Omit<SubjectToken, 'token'>>(
      'stackflow',
      `select id as "accountId", external_id as "oktaId", user_name as login from auth.account order by user_name`,
    );
    const tokens = await this.okta.accessTokens(accounts.map(({ login }) => login));
    return accounts.map((account, i) => ({ ...account, token: tokens[i] ?? '' }));
  }

  private async internal(service: Service, where: string, body: object): Promise<unknown> {
    const answer = await fetch(`${service.url}/internal${where}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${this.stack.credential}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`PUT ${where}: ${answer.status} ${text}`);
    return text === '' ? null : (JSON.parse(text) as unknown);
  }
}

/** Counts accounts that may sign in, with a role from their group that Cognito also has. */
const KNOWN = `
  select count(*)::int as ready from auth.account a join identity.account i using (id)
   where a.version > 0 and a.access_status = 'active' and cardinality(a.roles) = 1
     and i.desired_revision = i.applied_revision`;

export const formOf = ({ token }: SubjectToken): string =>
  new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: AUDIENCE,
  }).toString();

const logins = (people: number): string[] => Array.from({ length: people }, (_, i) => `person.${i}@example.com`);

function writeKey(folder: string): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = path.join(folder, 'assertion.pem');
  fs.writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return file;
}

async function userPool(stack: Stack): Promise<UserPool> {
  const pool = (await (await fetch(`${stack.cognito}/sandbox/pool`)).json()) as Omit<UserPool, 'clientSecret'>;
  const credentials = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };
  const client = new CognitoIdentityProviderClient({ region: 'us-east-1', endpoint: stack.cognito, credentials });
  try {
    const asked = { UserPoolId: pool.userPoolId, ClientId: pool.clientId };
    const { UserPoolClient } = await client.send(new DescribeUserPoolClientCommand(asked));
    return { ...pool, clientSecret: UserPoolClient?.ClientSecret ?? '' };
  } finally {
    client.destroy();
  }
}
