import { commandsWith, EXIT, Refusal, stackFile, usage, type Answer, type Call, type Environment } from '#command-line';
import type { Mode } from '../okta/model.js';
import type { Delivery } from '../okta/hooks/event-hooks.js';
import type { LogoutResult } from '../okta/oidc/universal-logout.js';
import type { VerbResult } from '../okta/okta.js';

export interface Listed {
  readonly people: { login: string; status: string; assigned: boolean; remoteId: string | null }[];
  readonly groups: { name: string; push: { status: string } | null; members: string[] }[];
  readonly tasks: { created_at: string; verb: string; subject: string; detail: string | null }[];
  readonly deliveries: Delivery[];
}

/** Kinds of tokens. The custom server `default` issues `access_token`, and the org server issues the other two. */
export const TOKEN_KINDS = ['access_token', 'org_access_token', 'id_token'] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

export interface TenantFlags {
  readonly tenant?: string;
}

export const command = commandsWith<TenantFlags>();

/** Runs a verb on the app that `--tenant` names. */
export const onApp =
  <F extends TenantFlags>(run: (okta: OktaClient, app: string, call: Call<F>) => Promise<Answer>) =>
  async (call: Call<F>): Promise<Answer> => {
    const okta = new OktaClient(call.env);
    return run(okta, await okta.app(call.flags.tenant), call);
  };

interface StackTenant {
  readonly slug: string;
  readonly scimBaseUrl: string;
  readonly scimToken: string | null;
}

/** Calls the sandbox Okta of the running stack. */
export class OktaClient {
  constructor(private readonly env: Environment) {}

  /** Returns the named app, or the only app if none is named. Fails if there are several. */
  async app(named: string | undefined): Promise<string> {
    if (named !== undefined) return named;
    const { apps } = await this.request<{ apps: { slug: string }[] }>('GET', '');
    const [only, another] = apps.map(({ slug }) => slug);
    if (another !== undefined)
      throw usage(
        `error: the sandbox Okta has several apps: ${apps.map(({ slug }) => slug).join(', ')}. Name one with --tenant <slug>.`,
      );
    return only ?? this.stackTenant(undefined).slug;
  }

  /** Reads a tenant from `stack.json`. */
  stackTenant(named: string | undefined): StackTenant {
    const { tenants = [] } = stackFile(this.env, 'stack.json') as { tenants?: StackTenant[] };
    const found = named === undefined ? tenants : tenants.filter(({ slug }) => slug === named);
    if (found.length === 1 && found[0]) return found[0];
    const slugs = tenants.map(({ slug }) => slug).join(', ') || 'none';
    throw usage(
      `error: the stack describes these tenants: ${slugs}. Name one with --tenant <slug>, or give --scim-base-url and --token-file.`,
    );
  }

  run(
    app: string,
    verb: string,
    body: object,
    { mode, pace }: { mode?: Mode; pace?: number } = {},
  ): Promise<VerbResult> {
    const query = new URLSearchParams({ ...(mode && { mode }), ...(pace !== undefined && { pace: String(pace) }) });
    return this.call('POST', app, `/${verb}?${query.toString()}`, body);
  }

  list<K extends keyof Listed>(app: string, what: K): Promise<Pick<Listed, K>> {
    return this.call('GET', app, what === 'deliveries' ? '/event-hook/deliveries' : `/${what}`);
  }

  universalLogout(app: string, login: string, fault: string | undefined): Promise<LogoutResult> {
    return this.call('POST', app, '/universal-logout', { login, fault });
  }

  async token(app: string, login: string, kind: TokenKind, scopes: readonly string[] | undefined): Promise<string> {
    const server = kind === 'access_token' ? 'default' : 'org';
    const tokens = await this.call<{ id_token: string; access_token: string }>('POST', app, '/oidc-client/tokens', {
      login,
      server,
      ...(scopes && { scopes }),
    });
    return kind === 'id_token' ? tokens.id_token : tokens.access_token;
  }

  call<T>(method: string, app: string, path: string, body?: object): Promise<T> {
    return this.request(method, `/${encodeURIComponent(app)}${path}`, body);
  }

  private async request<T>(method: string, path: string, body?: object): Promise<T> {
    const { sandbox } = stackFile(this.env, 'stack.json') as { sandbox?: { okta?: string } };
    const base = sandbox?.okta;
    if (base === undefined)
      throw new Refusal('stack.json names no sandbox Okta. Use the console of the real Okta instead.', EXIT.config);
    const json = { 'content-type': 'application/json' };
    const init = body === undefined ? { method } : { method, headers: json, body: JSON.stringify(body) };
    const response = await fetch(`${base}/sandbox/apps${path}`, init).catch(() => {
      throw new Refusal(
        `The sandbox Okta does not answer at ${base}. Is the stack still running ("npm start")?`,
        EXIT.unavailable,
      );
    });
    const answer = (await response.json().catch(() => ({}))) as T & { error?: string };
    if (response.ok) return answer;
    throw new Refusal(
      answer.error ?? `The sandbox Okta answered with status ${response.status}.`,
      response.status >= 500 ? EXIT.unavailable : EXIT.refused,
    );
  }
}
