/** Another app of the same Okta org. Its people are signed in there, and it exchanges their tokens. */
import { createHash, randomBytes } from 'node:crypto';
import { runStackflow } from '../support/command-line.js';
import { OktaBrowser } from '../support/okta-browser.js';
import type { TestStack } from '../support/stack.js';

const REDIRECT_URI = 'https://portal.example.com/callback';
export const SCOPE = 'stackflow.exchange';
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TYPE = 'urn:ietf:params:oauth:token-type:';

export interface Exchanged {
  readonly status: number;
  readonly body: Record<string, string>;
}

export class Portal {
  private constructor(
    private readonly stack: TestStack,
    private readonly clientId: string,
    private readonly clientSecret: string,
  ) {}

  /** Registers the app in Okta, and its tokens for the exchange, as an operator does. */
  static async open(stack: TestStack): Promise<Portal> {
    const { okta } = stack.description.sandbox;
    const answer = await fetch(`${okta}/sandbox/apps/default/oidc-client?label=portal`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirectUris: [REDIRECT_URI], customScopes: [SCOPE] }),
    });
    const { clientId, clientSecret } = (await answer.json()) as { clientId: string; clientSecret: string };
    const server = ['--issuer', 'https://sandbox.okta.com/oauth2/default', '--audience', 'api://default'];
    await exchangeCommand(stack, ['set-source', ...server, '--client-id', clientId, '--scope', SCOPE]);
    return new Portal(stack, clientId, clientSecret);
  }

  /** Signs in on Okta's page, with code and PKCE. Returns the access token of the custom authorization server. */
  async signIn(login: string): Promise<string> {
    const { okta } = this.stack.description.sandbox;
    const verifier = randomBytes(32).toString('base64url');
    const authorize = new URL(`${okta}/oauth2/default/v1/authorize`);
    authorize.search = new URLSearchParams({
      client_id: this.clientId,
      redirect_uri: REDIRECT_URI,
      response_type: 'code',
      scope: `openid ${SCOPE}`,
      state: 'portal',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }).toString();
    const entered = await new OktaBrowser().signIn(authorize, login);
    const back = new URL(entered.headers.get('location') ?? '');
    const answer = await fetch(`${okta}/oauth2/default/v1/token`, {
      method: 'POST',
      headers: { authorization: basic(this.clientId, this.clientSecret) },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: back.searchParams.get('code') ?? '',
        redirect_uri: REDIRECT_URI,
        code_verifier: verifier,
      }),
    });
    return ((await answer.json()) as { access_token: string }).access_token;
  }
}

/** Sends a request as the service that the example client represents. */
export async function exchange(
  stack: TestStack,
  token: string,
  kind: 'access_token' | 'id_token' = 'access_token',
): Promise<Exchanged> {
  const { exchange: client } = stack.description;
  if (!client) throw new Error('the stack has no example client');
  const answer = await fetch(client.endpoint, {
    method: 'POST',
    headers: { authorization: basic(client.clientId, client.clientSecret) },
    body: new URLSearchParams({ grant_type: GRANT, subject_token: token, subject_token_type: TYPE + kind }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
}

/** `stackflow exchange ...` with this stack. */
export async function exchangeCommand(stack: TestStack, args: readonly string[]): Promise<string> {
  const { code, out, err } = await runStackflow(['exchange', ...args], { STACK_DIR: stack.folder });
  if (code !== 0) throw new Error(`exchange ${args.join(' ')}: ${err}`);
  return out;
}

const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
