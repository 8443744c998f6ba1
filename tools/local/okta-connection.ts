/** The sandbox Okta and the tenant, connected in all ways: SCIM, Management API, event hook, signing in, Universal Logout. */
import { z } from 'zod';
import type { Secrets, StackDescription, StackFolder } from './folder.js';
import { LocalProblem } from './postgres-files.js';
import { eventually } from './process.js';
import type { Surroundings } from './services.js';
import { tenantCommand } from './tenant-command.js';

type Tenant = StackDescription['tenants'][number];

/** Settings take Okta's own domains only; OKTA_ENDPOINT says where this one really is. */
export const DOMAIN = 'sandbox.okta.com';
/** Of the custom authorization server: tokens that have it may be exchanged. */
export const EXCHANGE_SCOPE = 'stackflow.exchange';
/** deactivation-worker and auth-service learn of the connection from the event carrier. */
const VERIFIED_LIMIT_MS = 15_000;

const tokenAnswer = z.object({ appId: z.string(), apiToken: z.string() });
const clientAnswer = z.object({ clientId: z.string(), clientSecret: z.string().optional() });
const hookAnswer = z.object({ hook: z.object({ url: z.string() }).nullable() });

/**
 * SCIM at every start, as the edge may have another port; the rest once, because each connection means a new API token.
 * Where OKTA_ENDPOINT names an Okta of yours, that one is connected by hand.
 */
export async function connectOkta(
  s: Surroundings,
  folder: StackFolder,
  secrets: Secrets,
  tenant: Tenant,
): Promise<void> {
  const okta = new SandboxOkta(`http://localhost:${s.ports.okta}`, tenant.slug);
  await okta.set('', { scimBaseUrl: tenant.scimBaseUrl, token: tenant.scimToken, mode: 'aiw' });
  if (s.base.OKTA_ENDPOINT) return;
  if (!s.base.OKTA_ISSUER_OVERRIDE) await connectSignIn(s, folder, secrets, tenant, okta);
  await okta.set('/universal-logout', { url: `${s.edge}/auth/okta/universal-logout`, subjectFormat: 'iss_sub' });
  const url = `${s.edge}/auth/okta/event-hook/${tenant.slug}`;
  const known = secrets.eventHookSecrets[tenant.id];
  if (known === undefined) {
    const { appId, apiToken } = tokenAnswer.parse(await okta.call('POST', '/api-token', {}));
    const connect = ['connect-okta', tenant.slug, '--domain', DOMAIN, '--app-id', appId, '--api-token-file', '-'];
    const { eventHookSecret } = await tenantCommand(s, [...connect, '--rotate-hook-secret', '--grace', '0'], apiToken);
    if (eventHookSecret === undefined) throw new LocalProblem('"tenant connect-okta" showed no event hook secret.');
    await okta.hook(url, eventHookSecret);
    folder.rememberHookSecret(secrets, tenant.id, eventHookSecret);
  } else if (hookAnswer.parse(await okta.call('GET', '/event-hook')).hook?.url !== url) await okta.hook(url, known);
}

/** The redirect URIs at every start, as the edge may have another port; the client's secret once. */
async function connectSignIn(
  s: Surroundings,
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
    const connect = ['connect-sso', tenant.slug, '--issuer', `https://${DOMAIN}`, '--client-id', client.clientId];
    await tenantCommand(s, [...connect, '--client-secret-file', '-'], clientSecret);
    folder.rememberSsoClient(secrets, tenant.id, client.clientId);
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
  if (!begins) throw new LocalProblem(`auth-service answers a login of "${tenant.slug}" with status ${status}.`);
}

/** What an administrator does in Okta's console. */
class SandboxOkta {
  constructor(
    private readonly url: string,
    private readonly slug: string,
  ) {}

  /** Okta asks the endpoint once whether it is one; that is repeated until the endpoint knows the tenant. */
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
