/** The token endpoint: auth-service in process, a provider that signs any token, and two registered clients. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { request as send } from 'node:http';
import { exportJWK, SignJWT, type JSONWebKeySet, type JWTPayload } from 'jose';
import { nowSeconds, signRs256, type Claims } from '../guard/issuer.js';
import { CLIENT_ID, type HostileProvider } from '../support/auth-provider.js';
import type { Person } from '../support/auth-people.js';
import { LOCAL, type AuthRig, type Instance } from '../support/auth.js';
import { world } from './world.js';
import { TOKEN } from '../support/internal-api.js';

export const TYPE = 'urn:ietf:params:oauth:token-type:';
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ENDPOINT = `${LOCAL}/auth/okta/obo/token`;
export const SOURCE = {
  issuer: 'https://acme.okta.com/oauth2/default',
  audience: 'api://stackflow',
  clientIds: ['0oaweb'],
  scope: 'exchange',
};

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Record<string, unknown>;
}

export type Form = Record<string, string>;
export type AuditRow = Record<string, unknown> & { readonly detail: Record<string, unknown> };

export const clientKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const jwksOf = async (key = clientKey.publicKey, kid = 'k1'): Promise<JSONWebKeySet> => ({
  keys: [{ ...(await exportJWK(key)), kid, alg: 'ES256' }],
});

export const basic = (id: string, password: string): Form => ({
  authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`,
});
export const formOf = (token: string, kind: 'access_token' | 'id_token', more: Form = {}): Form => ({
  grant_type: GRANT,
  subject_token: token,
  subject_token_type: TYPE + kind,
  audience: 'incidents',
  ...more,
});
export const assertion = (
  change: JWTPayload = {},
  key = clientKey.privateKey,
  kid = 'k1',
  typ?: string,
): Promise<string> =>
  new SignJWT({ iss: 'reports', sub: 'reports', aud: ENDPOINT, jti: randomUUID(), exp: nowSeconds() + 60, ...change })
    .setProtectedHeader({ alg: 'ES256', kid, ...(typ !== undefined && { typ }) })
    .sign(key);
export const byKey = (jwt: string): Form => ({
  client_assertion: jwt,
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
});

/** For the top level of a spec. Each test has a new person, `ada`. */
export async function exchangeRig(): Promise<ExchangeRig> {
  const { op, rig: auth, service, tenant } = await world();
  const rig = new ExchangeRig(op, auth, service, tenant);
  rig.secret = (await rig.internal('POST', '/exchange/clients/billing', rig.policy())).clientSecret as string;
  await rig.internal('POST', '/exchange/clients/reports', rig.policy({ jwks: await jwksOf() }));
  await rig.internal('PUT', `/tenants/${tenant}/exchange/source`, SOURCE);
  beforeEach(async () => {
    rig.ada = await auth.addPerson(tenant);
    op.sub = rig.ada.externalId ?? '';
  });
  return rig;
}

class ExchangeRig {
  ada!: Person;
  secret = '';

  constructor(
    readonly op: HostileProvider,
    readonly auth: AuthRig,
    readonly service: Instance,
    readonly tenant: string,
  ) {}

  policy(change: object = {}): object {
    const kinds = ['id_token', 'access_token', 'org_access_token'];
    return { tenants: [this.tenant], audiences: ['incidents'], tokenKinds: kinds, ...change };
  }

  async internal(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const { status, text } = await this.tryInternal(method, path, body);
    if (status >= 300) throw new Error(text);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  }

  async tryInternal(method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
    const response = await fetch(`${this.service.url}/internal${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  /** Without fetch, which forbids setting Host. */
  post(form: string, headers: Form, { host = 'localhost:8080', service = this.service } = {}): Promise<Answer> {
    const { hostname, port } = new URL(service.url);
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const options = { method: 'POST', hostname, port, path: '/auth/okta/obo/token' };
    return new Promise((resolve, reject) => {
      const sent = send({ ...options, headers: { ...type, host, ...headers } }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
        });
      });
      sent.on('error', reject);
      sent.end(form);
    });
  }

  exchange(form: Form, headers = basic('billing', this.secret), where: Parameters<ExchangeRig['post']>[2] = {}) {
    return this.post(new URLSearchParams(form).toString(), headers, where);
  }

  idToken(change: Claims = {}): string {
    return this.op.sign(this.op.idTokenClaims(change));
  }

  accessToken(change: Claims = {}, key = this.op.key): string {
    const claims = {
      ver: 1,
      jti: `AT.${randomUUID()}`,
      iss: `${this.op.origin}/oauth2/default`,
      aud: SOURCE.audience,
      sub: 'ada@example.com',
      iat: nowSeconds(),
      exp: nowSeconds() + 3600,
      cid: '0oaweb',
      uid: this.ada.externalId,
      scp: ['openid', 'exchange'],
      ...change,
    };
    return signRs256({ alg: 'RS256', kid: this.op.key.kid }, claims, key.privateKey);
  }

  /** Sets the answer of the org server's introspection. */
  byIntrospection(change: Claims = {}): void {
    const active = {
      active: true,
      client_id: CLIENT_ID,
      uid: this.ada.externalId,
      iat: nowSeconds(),
      exp: nowSeconds() + 3600,
      token_type: 'Bearer',
    };
    this.op.introspection = () => ({ body: JSON.stringify({ ...active, ...change }) });
  }

  async lastAudit(...events: string[]): Promise<AuditRow | undefined> {
    const wanted = events.length > 0 ? events : ['exchange', 'exchange_refused'];
    return (await this.auth.audit('event = any($1)', [wanted])).at(-1) as AuditRow | undefined;
  }
}
