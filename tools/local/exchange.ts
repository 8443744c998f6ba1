import { AuthServiceClient } from '#contracts/clients';
import type { Secrets, StackDescription, StackFolder } from './folder.js';
import { DOMAIN, EXCHANGE_SCOPE } from './okta-connection.js';
import { stepFailed } from './problem.js';
import { internalClient, LAUNCHER, type StackSetup } from './setup.js';

type Tenant = StackDescription['tenants'][number];

const CLIENT = 'example-service';
const AUDIENCE = 'incident-service';

/** The client's secret survives restarts. Returns null with a real Okta, whose apps the launcher does not know. */
export async function exampleExchange(
  s: StackSetup,
  folder: StackFolder,
  secrets: Secrets,
  tenant: Tenant,
): Promise<StackDescription['exchange']> {
  const app = secrets.ssoClients[tenant.id];
  if (app === undefined || s.base.OKTA_ENDPOINT || s.base.OKTA_ISSUER_OVERRIDE) return null;
  const auth = new AuthServiceClient(internalClient(s, 'auth-service'));
  const register = async (): Promise<string> => {
    await auth.putExchangeSource(tenant.id, {
      issuer: `https://${DOMAIN}/oauth2/default`,
      audience: 'api://default',
      clientIds: [app],
      scope: EXCHANGE_SCOPE,
      by: LAUNCHER,
    });
    const known = (await auth.exchangeClients()).some(({ id }) => id === CLIENT);
    const remembered = secrets.exampleClients[tenant.id];
    if (!known || remembered === undefined) {
      const { clientSecret } = known
        ? await auth.rotateExchangeSecret(CLIENT, { graceMs: 0, by: LAUNCHER })
        : await auth.createExchangeClient(CLIENT, {
            tenants: [tenant.id],
            audiences: [AUDIENCE],
            tokenKinds: ['access_token', 'org_access_token', 'id_token'],
            by: LAUNCHER,
          });
      folder.remember(secrets, 'exampleClients', tenant.id, clientSecret ?? '');
    }
    return (await auth.exchangeClient(CLIENT)).endpoints[0] ?? '';
  };
  const endpoint = await register().catch(stepFailed('Registering the example client of the token exchange'));
  return { endpoint, clientId: CLIENT, clientSecret: secrets.exampleClients[tenant.id] ?? '', audience: AUDIENCE };
}
