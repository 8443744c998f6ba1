/** Connects the tenant and the sandbox Okta: SCIM, Management API, event hook, sign-in, Universal Logout. */
import { z } from 'zod';
import { EventBusClient } from '#contracts/clients';
import type { Secrets, StackDescription, StackFolder } from './folder.js';
import { LocalProblem, stepFailed } from './problem.js';
import { eventually } from './process.js';
import { hubClient, internalClient, LAUNCHER, type StackSetup } from './setup.js';

type Tenant = StackDescription['tenants'][number];

/** The sandbox's domain in settings, which accept only Okta's domains. OKTA_ENDPOINT contains its real address. */
export const DOMAIN = 'sandbox.okta.com';
/** Scope of the custom authorization server. Access tokens with this scope may be exchanged. */
export const EXCHANGE_SCOPE = 'stackflow.exchange';
/** Time limit for deactivation-worker and auth-service, which learn about the connection from the event carrier. */
const VERIFIED_LIMIT_MS = 15_000;

const tokenAnswer = z.object({ appId: z.string(), apiToken: z.string() });
const clientAnswer = z.object({ clientId: z.string(), clientSecret: z.string().optional() });
const hookAnswer = z.object({ hook: z.object({ url: z.string() }).nullable() });

/**
 * Connects the tenant. Addresses are set at every start, because the edge may have another port. The sandbox Okta gets a
 * token only if the tenant is new: an administrator may have entered another one since. The rest is connected once,
 * because each connection issues a new API token. A real Okta (OKTA_ENDPOINT) must be connected by hand.
 */
export async function connectOkta(
  s: StackSetup,
  folder: StackFolder,
  secrets: Secrets,
  { tenant, newToken }: { readonly tenant: Tenant; readonly newToken: boolean },
): Promise<void> {
  const okta = new SandboxOkta(`http://localhost:${s.ports.okta}`, tenant.slug);
  const { scimBaseUrl, scimToken } = tenant;
  const app = newToken ? undefined : await okta.app();
  if (app) await okta.set('', { ...app, scimBaseUrl });
  else if (scimToken !== null) await okta.set('', { scimBaseUrl, token: scimToken });
  else return;
  if (s.base.OKTA_ENDPOINT) return;
  if (!s.base.OKTA_ISSUER_OVERRIDE) await connectSignIn(s, folder, secrets, tenant, okta);
  await okta.set('/universal-logout', { url: `${s.edge}/auth/okta/universal-logout`, subjectFormat: 'iss_sub' });
  const url = `${s.edge}/auth/okta/event-hook/${tenant.slug}`;
  const known = secrets.eventHookSecrets[tenant.id];
  if (known === undefined) {
    const { appId, apiToken } = tokenAnswer.parse(await okta.call('POST', '/api-token', {}));
    const { hookSecret } = await hubClient(s)
      .connectOkta(tenant.slug, { by: LAUNCHER, domain: DOMAIN, appId, apiToken, rotateHookSecret: true, graceMs: 0 })
      .catch(stepFailed('Connecting the sandbox Okta'));
    if (hookSecret === null) throw new LocalProblem('The hub returned no event hook secret.');
    await okta.hook(url, hookSecret.secret);
    folder.remember(secrets, 'eventHookSecrets', tenant.id, hookSecret.secret);
  } else if (hookAnswer.parse(await okta.call('GET', '/event-hook')).hook?.url !== url) await okta.hook(url, known);
}

/** Sets the redirect URIs at every start, because the edge may have another port. Issues the client secret once. */
async function connectSignIn(
  s: StackSetup,
  folder: StackFolder,
  secrets: Secrets,
  tenant: Tenant,
  okta: SandboxOkta,
): Promise<void> {
  const app = {
    redirectUris: [`${s.edge}/auth/okta/callback`],
    postLogoutRedirectUris: [`${s.edge}/`],
    customScopes: [EXCHANGE_SCOPE],
  };
  const client = clientAnswer.parse(await okta.call('PUT', '/oidc-client', app));
  if (secrets.ssoClients[tenant.id] !== client.clientId) {
    const { clientSecret = '' } = client.clientSecret
      ? client
      : clientAnswer.parse(await okta.call('POST', '/oidc-client/secret', {}));
    const { clientId } = client;
    await hubClient(s)
      .connectSso(tenant.slug, { by: LAUNCHER, issuer: `https://${DOMAIN}`, clientId, clientSecret })
      .catch(stepFailed('Connecting sign-in through the sandbox Okta'));
    folder.remember(secrets, 'ssoClients', tenant.id, clientId);
    await settingsConsumed(s);
  }
  let status = 0;
  const begins = await eventually(
    async () => {
      const answer = await fetch(`${s.edge}/auth/okta/login`, { redirect: 'manual' });
      await answer.body?.cancel();
      status = answer.status;
      return status === 302;
    },
    VERIFIED_LIMIT_MS,
    50,
  );
  if (!begins) throw new LocalProblem(`auth-service does not start logins of "${tenant.slug}" (status ${status}).`);
}

/** Waits until auth-service knows the new settings. Before that, it would log each login below as refused. */
async function settingsConsumed(s: StackSetup): Promise<void> {
  const events = new EventBusClient(internalClient(s, 'auth-service'));
  const consumed = async (): Promise<boolean> =>
    (await events.state()).consumers.every(({ topic, lag }) => topic !== 'integration.settings' || lag === 0);
  await eventually(consumed, VERIFIED_LIMIT_MS, 50);
}

/** Performs the steps of an administrator in Okta's console. */
class SandboxOkta {
  constructor(
    private readonly url: string,
    private readonly slug: string,
  ) {}

  /** Okta verifies the endpoint only once, so this method tries again until the endpoint knows the tenant. */
  async hook(url: string, secret: string): Promise<void> {
    let refusal = '';
    const verified = await eventually(
      () =>
        this.set('/event-hook', { url, secret }).then(
          () => true,
          (error: Error) => {
            refusal = error.message;
            return false;
          },
        ),
      VERIFIED_LIMIT_MS,
      50,
    );
    if (!verified) throw new LocalProblem(refusal);
  }

  /** Returns the settings of the app without its token, or undefined if there is no app yet. */
  async app(): Promise<object | undefined> {
    const answer = await fetch(`${this.url}/sandbox/apps/${this.slug}`);
    if (answer.status === 404) return undefined;
    const { token: _hidden, ...app } = (await answer.json()) as { token: string };
    return app;
  }

  async set(path: string, body: object): Promise<void> {
    await this.call('PUT', path, body);
  }

  async call(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${this.url}/sandbox/apps/${this.slug}${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    if (answer.ok) return answer.json();
    throw new LocalProblem(`The sandbox Okta refused the connection: ${answer.status} ${await answer.text()}`);
  }
}
