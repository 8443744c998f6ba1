/**
 * Handles a sign-in from `/authorize` to the code. A person with a session gets the code at once, and anybody else sees
 * the sign-in page. As with Okta, a person who is not assigned to the app can sign in to the org, but the client then
 * gets an error instead of a code.
 */
import { authorizationRequest, backTo, promptingOf, redirectUriOf, type Prompting } from './authorize-request.js';
import { signInPage } from './html.js';
import { seconds, type AuthorizationRequest, type Client, type ServerId } from './model.js';
import { OAuthError, parameter, required } from './oauth-error.js';
import { assignedPeople, findPerson } from './people.sql.js';
import type { OidcProvider } from './provider.js';
import { secretInCookies, sessionCookie, type OrgSession } from './sessions.js';

export type Shown =
  | { readonly location: string; readonly cookie?: string }
  | { readonly html: string; readonly status: 200 | 401 };

/** Maximum number of people in the list on the sign-in page. Others type their username. */
const PICKER_LIMIT = 200;

export class SignIn {
  constructor(private readonly oidc: OidcProvider) {}

  async authorize(server: ServerId, query: unknown, cookies: string | undefined): Promise<Shown> {
    const client = await this.oidc.clients.byId(required(query, 'client_id'));
    const redirectUri = redirectUriOf(query, client);
    // `redirectUriOf` has already refused a null client.
    const known = client as Client;
    const { state } = query as { state?: unknown };
    return this.answering(redirectUri, typeof state === 'string' ? state : undefined, async () => {
      const request = authorizationRequest(query, known, server, redirectUri);
      const prompting = promptingOf(query);
      const session = await this.usableSession(known, prompting, cookies);
      if (session) return { location: await this.codeFor(known, request, session) };
      if (prompting.none)
        throw new OAuthError('login_required', 'The client specified not to prompt, but the user is not logged in.');
      const stateToken = await this.oidc.pending.openSignIn(known.clientId, request);
      return this.page(known, stateToken, prompting.loginHint, null);
    });
  }

  async enter(form: unknown): Promise<Shown> {
    const stateToken = required(form, 'stateToken');
    const opened = await this.oidc.pending.signIn(stateToken);
    const client = opened && (await this.oidc.clients.byId(opened.clientId));
    if (!opened || !client) throw expired();
    const username = parameter(form, 'username')?.trim() ?? '';
    const person = await findPerson(this.oidc.database, client.slug, username);
    // As with Okta, the message is the same for unknown, suspended and deactivated people.
    if (person?.status !== 'ACTIVE') return this.page(client, stateToken, username, 'Unable to sign in');
    if (!(await this.oidc.pending.closeSignIn(stateToken))) throw expired();
    const { secret, session } = await this.oidc.sessions.begin(person.id);
    const { redirectUri, state } = opened.request;
    const shown = await this.answering(redirectUri, state, async () => ({
      location: await this.codeFor(client, opened.request, session),
    }));
    return { ...shown, cookie: sessionCookie(client.slug, secret, this.oidc.secure) };
  }

  private async usableSession(
    client: Client,
    prompting: Prompting,
    cookies: string | undefined,
  ): Promise<OrgSession | undefined> {
    const secret = secretInCookies(cookies, client.slug);
    if (secret === undefined || prompting.login) return undefined;
    const session = await this.oidc.sessions.find(client.slug, secret);
    const tooOld = prompting.maxAge !== null && session && seconds(Date.now()) - session.authTime >= prompting.maxAge;
    return tooOld ? undefined : session;
  }

  private async codeFor(client: Client, request: AuthorizationRequest, session: OrgSession): Promise<string> {
    const person = await findPerson(this.oidc.database, client.slug, session.personId);
    if (person?.status !== 'ACTIVE' || !person.assigned)
      throw new OAuthError('access_denied', 'User is not assigned to the client application.');
    if (request.server === 'default' && !client.settings.accessPolicy)
      throw new OAuthError(
        'access_denied',
        'Policy evaluation failed for this request, please check the policy configurations.',
      );
    const { state, ...asked } = request;
    const code = await this.oidc.pending.issueCode(client.clientId, { ...asked, ...session });
    return backTo(request.redirectUri, { code, state });
  }

  /** Turns an OAuthError into the redirect that reports it to the client. */
  private async answering<S extends Shown>(
    redirectUri: string,
    state: string | undefined,
    work: () => Promise<S>,
  ): Promise<S | { location: string }> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return { location: backTo(redirectUri, { state, ...error.body }) };
    }
  }

  private async page(client: Client, stateToken: string, loginHint: string, problem: string | null): Promise<Shown> {
    const people = await assignedPeople(this.oidc.database, client.slug, PICKER_LIMIT);
    const html = signInPage({ org: client.slug, stateToken, people, loginHint, problem });
    return { html, status: problem === null ? 200 : 401 };
  }
}

const expired = (): OAuthError =>
  new OAuthError('invalid_request', 'This sign-in page was used or has expired. Return to the application.');
