/** `npm run tenant -- connect-sso | disconnect-sso`. */
import { signInUrls } from './addresses.js';
import { clientSecretFrom } from './cli-input.js';
import { asJson, describeChange, fields } from './cli-output.js';
import { who, type Add, type Choose } from './cli-run.js';
import type { TenantResult } from './tenants.js';

interface ConnectOptions {
  json?: boolean;
  clientId: string;
  clientSecretFile: string;
  issuer?: string;
}

export function addSso(add: Add, choose: Choose): void {
  add('connect-sso <slug>', 'let people sign in through an OIDC app of the Okta org')
    .requiredOption('--client-id <id>', 'client id of the OIDC app in Okta, 0oa...')
    .requiredOption('--client-secret-file <file>', 'file with its client secret, - = standard input')
    .option('--issuer <url>', 'a custom authorization server, or the org if connect-okta did not name it')
    .action((slug: string, o: ConnectOptions) =>
      choose(async (tenants, { config, stdin }) => {
        const connection = {
          clientId: o.clientId.trim(),
          clientSecret: await clientSecretFrom(o.clientSecretFile, stdin),
          issuer: o.issuer?.trim(),
        };
        const result = await tenants.connectSso(slug, connection, who());
        return {
          text: o.json ? asJson(result, config.PUBLIC_URL) : describeConnection(result, config.PUBLIC_URL),
          result,
        };
      }),
    );
  add('disconnect-sso <slug>', 'end signing in through Okta and forget the client secret').action(
    (slug: string, o: { json?: boolean }) =>
      choose(async (tenants, { config }) => {
        const result = await tenants.disconnectSso(slug, who());
        return { text: o.json ? asJson(result, config.PUBLIC_URL) : describeDisconnection(result), result };
      }),
  );
}

function describeConnection(result: TenantResult, publicUrl: string | undefined): string {
  const { redirectUri, loginUri, signedOutUri, universalLogoutUri } = signInUrls(result.tenant, publicUrl);
  const { issuer = '', clientId = '' } = result.tenant.settings.sso ?? {};
  return `${describeChange(result)}

In Okta (${new URL(issuer).origin}): Applications -> the OIDC app ${clientId} -> General:

${fields([
  ['Client authentication', 'Client secret'],
  ['Proof Key for Code Exchange', 'Require PKCE'],
  ['Grant type', 'Authorization Code'],
  ['Sign-in redirect URIs', redirectUri],
  ['Sign-out redirect URIs', signedOutUri],
  ['Initiate login URI', loginUri],
  ['Logout endpoint URL (Universal Logout)', universalLogoutUri],
  ['Subject format', 'Issuer and Subject Identifier'],
])}

The URIs are compared character by character. Then sign in: ${loginUri}`;
}

const describeDisconnection = (result: TenantResult): string =>
  `${result.changed.length === 0 ? `"${result.tenant.slug}" has no sign-in through Okta.` : describeChange(result)}
The client secret is erased here. Sessions that were opened live until they end. In Okta, deactivate the OIDC app.`;
