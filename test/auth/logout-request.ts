/** Sends Universal Logouts like Okta, with optional faults. */
import { randomUUID } from 'node:crypto';
import { request as send } from 'node:http';
import { nowSeconds, signRs256, type Claims } from '../guard/issuer.js';
import { CLIENT_ID, type HostileProvider } from '../support/auth-provider.js';
import { LOCAL } from '../support/auth.js';

export const PATH = '/auth/okta/universal-logout';
export const TYP = 'global-token-revocation+jwt';

export interface LogoutAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface LogoutChange {
  readonly header?: Claims;
  readonly claims?: Claims;
  readonly sign?: (header: Claims, claims: Claims) => string;
}

/** A valid JWT, with the changes (undefined = left out). */
export function logoutToken(op: HostileProvider, { header, claims, sign }: LogoutChange = {}): string {
  const now = nowSeconds();
  const right = {
    iss: op.origin,
    sub: CLIENT_ID,
    aud: `${LOCAL}${PATH}`,
    iat: now,
    nbf: now - 300,
    exp: now + 300,
    jti: randomUUID(),
    ...claims,
  };
  const head = { alg: 'RS256', typ: TYP, kid: op.key.kid, ...header };
  return sign ? sign(head, right) : signRs256(head, right, op.key.privateKey);
}

/** Without fetch, which forbids setting Host. */
export function postLogout(
  service: string,
  token: string | null,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<LogoutAnswer> {
  const { hostname, port } = new URL(service);
  const bearer = token === null ? {} : { authorization: `Bearer ${token}` };
  const all = { 'content-type': 'application/json', host: new URL(LOCAL).host, ...bearer, ...headers };
  return new Promise((resolve, reject) => {
    const sent = send({ method: 'POST', hostname, port, path: PATH, headers: all }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: parsed });
      });
    });
    sent.on('error', reject);
    sent.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}
