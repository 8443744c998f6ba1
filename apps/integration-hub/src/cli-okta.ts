/** `npm run tenant -- connect-okta | disconnect-okta`. */
import { Option } from 'commander';
import { duration } from '#platform';
import { DEFAULT_GRACE_MS } from '#secrets';
import { apiTokenFrom } from './cli-input.js';
import { describeConnection, describeDisconnection } from './cli-okta-output.js';
import { asJson } from './cli-output.js';
import { who, type Add, type Choose } from './cli-run.js';

interface ConnectOptions {
  json?: boolean;
  domain: string;
  appId: string;
  apiTokenFile: string;
  rotateHookSecret?: boolean;
  grace: number;
}

export function addOkta(add: Add, choose: Choose): void {
  add('connect-okta <slug>', 'give StackFlow read access to the Okta org, and the org a place for its event hook')
    .requiredOption('--domain <domain>', 'the Okta org, e.g. your-org.okta.com')
    .requiredOption('--app-id <id>', 'the StackFlow app in Okta, 0oa...')
    .requiredOption('--api-token-file <file>', 'file with the API token of Okta, - = standard input')
    .option('--rotate-hook-secret', 'issue a new secret for the event hook and show it, this once')
    .addOption(
      new Option('--grace <duration>', 'with --rotate-hook-secret: how long the old one stays valid: 24h, 30m, 0')
        .argParser(duration)
        .default(DEFAULT_GRACE_MS, '24h'),
    )
    .action((slug: string, o: ConnectOptions) =>
      choose(async (tenants, { config, stdin }) => {
        const connection = {
          okta: { domain: o.domain.trim().toLowerCase(), appId: o.appId.trim() },
          apiToken: await apiTokenFrom(o.apiTokenFile, stdin),
          rotateHookSecret: o.rotateHookSecret ?? false,
          graceMs: o.grace,
        };
        const result = await tenants.connectOkta(slug, connection, who());
        const text = o.json
          ? asJson(result, config.PUBLIC_URL, result.hook)
          : describeConnection(result, config.PUBLIC_URL);
        return { text, result };
      }),
    );
  add('disconnect-okta <slug>', 'forget the API token and the secret of the event hook').action(
    (slug: string, o: { json?: boolean }) =>
      choose(async (tenants, { config }) => {
        const result = await tenants.disconnectOkta(slug, who());
        return { text: o.json ? asJson(result, config.PUBLIC_URL) : describeDisconnection(result), result };
      }),
  );
}
