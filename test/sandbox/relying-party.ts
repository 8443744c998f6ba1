/** A relying party of the sandbox Okta, driven by fetch. Shares no code with the product or the sandbox. */
import { createHash, randomBytes } from 'node:crypto';
import { OktaBrowser } from '../support/okta-browser.js';
import { control, type RunningSandbox } from '../support/sandbox.js';

export const REDIRECT_URI = 'http://localhost:8080/auth/okta/callback';

type Params = Readonly<Record<string, string | null>>;
type ServerId = 'org' | 'default';
export interface Tokens {
  readonly token_type: string;
  readonly expires_in: number;
  readonly access_token: string;
  readonly scope: string;
  readonly id_token: string;
}
/** A login whose browser is back at the client. */
export interface Callback {
  readonly params: Readonly<Record<string, string>>;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}
interface Registered {
  readonly clientId: string;
  readonly clientSecret: string;
}

const secret = (): string => randomBytes(32).toString('base64url');

export class RelyingParty {
  constructor(
    private readonly running: RunningSandbox,
    readonly slug: string,
    readonly clientId: string,
    readonly clientSecret: string,
    readonly server: ServerId = 'org',
  ) {}

  static async register(
    running: RunningSandbox,
    slug: string,
    settings: object = {},
    label = 'stackflow',
  ): Promise<RelyingParty> {
    const { okta } = running.sandbox.endpoints;
    const body = { redirectUris: [REDIRECT_URI], ...settings };
    const client = await control<Registered>(okta, 'PUT', `apps/${slug}/oidc-client?label=${label}`, body);
    if (client.error !== undefined) throw new Error(client.error);
    return new RelyingParty(running, slug, client.clientId, client.clientSecret);
  }

  at(server: ServerId): RelyingParty {
    return new RelyingParty(this.running, this.slug, this.clientId, this.clientSecret, server);
  }

  get origin(): string {
    return this.running.sandbox.endpoints.okta;
  }
  get issuer(): string {
    return this.server === 'org' ? this.origin : `${this.origin}/oauth2/default`;
  }
  endpoint(name: string): string {
    return `${this.origin}/oauth2/${this.server === 'org' ? '' : 'default/'}v1/${name}`;
  }

  /** Null removes a parameter. */
  authorizeUrl(change: Params = {}): { url: URL; state: string; nonce: string; verifier: string } {
    const [state, nonce, verifier] = [secret(), secret(), secret()];
    const params: Params = {
      client_id: this.clientId,
      redirect_uri: REDIRECT_URI,
      response_type: 'code',
      scope: 'openid profile email',
      state,
      nonce,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...change,
    };
    const url = new URL(this.endpoint('authorize'));
    for (const [name, value] of Object.entries(params)) if (value !== null) url.searchParams.set(name, value);
    return { url, state, nonce, verifier };
  }

  /** Uses the sign-in page if it is shown. */
  async signIn(login: string, change: Params = {}, browser = new OktaBrowser()): Promise<Callback> {
    const { url, ...kept } = this.authorizeUrl(change);
    const response = await browser.signIn(url, login);
    const location = response.headers.get('location');
    if (location === null) throw new Error(`expected a redirect, got ${response.status}: ${await response.text()}`);
    return { ...kept, params: Object.fromEntries(new URL(location).searchParams) };
  }

  /** Redeems a code at `/token`. */
  exchange(callback: Callback, change: Params = {}, headers: Record<string, string> = this.basic): Promise<Response> {
    return this.post(
      'token',
      {
        grant_type: 'authorization_code',
        code: callback.params.code ?? '',
        redirect_uri: REDIRECT_URI,
        code_verifier: callback.verifier,
        ...change,
      },
      headers,
    );
  }

  post(endpoint: string, form: Params, headers: Record<string, string> = this.basic): Promise<Response> {
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(form)) if (value !== null) body.set(name, value);
    return fetch(this.endpoint(endpoint), { method: 'POST', body, headers, redirect: 'manual' });
  }

  async login(login: string, change: Params = {}): Promise<Tokens & { nonce: string }> {
    const callback = await this.signIn(login, change);
    const response = await this.exchange(callback);
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return { ...((await response.json()) as Tokens), nonce: callback.nonce };
  }

  order(fault: string, more: object = {}): Promise<unknown> {
    return this.ask('POST', 'oidc-client/faults', { fault, ...more });
  }
  ask<T = object>(method: string, path: string, body?: object): Promise<T & { error?: string }> {
    return control<T>(this.origin, method, `apps/${this.slug}/${path}`, body);
  }

  get basic(): Record<string, string> {
    return { authorization: `Basic ${Buffer.from(`${this.clientId}:${this.clientSecret}`).toString('base64')}` };
  }
}
