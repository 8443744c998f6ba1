/** `npm run obo -- list | show | add | change | rotate-secret | remove | source | set-source | remove-source`. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { duration, InternalClient, runCommandLine, type Answer, type CliOptions } from '#platform';
import { changeClient, policyOf, type PolicyFlags } from './cli/change.js';
import { ExchangeAdmin } from './cli/client.js';
import { describeClient, describeList, describeRotation, describeSecret, describeSource } from './cli/words.js';
import { TOKEN_KINDS, type TokenKind } from '#contracts';

interface Flags extends PolicyFlags {
  url?: string;
  token?: string;
  json?: boolean;
  by?: string;
  grace: number;
  issuer: string;
  clientId: string[];
  scope: string;
}

type Run = (admin: ExchangeAdmin, id: string, flags: Flags) => Promise<Answer>;

const DEFAULT_GRACE_MS = 24 * 3_600_000;

/** Runs one command; returns the exit code, throws only what is a bug. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<number> {
  const on = (run: Run) => (id: string, flags: Flags) =>
    run(new ExchangeAdmin(InternalClient.find('auth-service', flags, options.env), flags.by), id, flags);
  return runCommandLine<Flags>(
    {
      name: 'obo',
      description: 'Token exchange: which services may act for people, and whose tokens of Okta are taken for it.',
      service: 'auth-service',
      tenantFlag: 'tenant, by slug or id; several for a client, with commas; may be left out while there is one',
      commands(add) {
        add('list', 'all clients', on(list));
        add('show <client>', 'what a client may do, and where it asks', on(show));
        audited(policy(add('add <client>', 'registers a client; shows its secret, this once', on(addClient))));
        audited(policy(add('change <client>', 'changes a client; what is not named stays as it is', on(change))));
        audited(add('rotate-secret <client>', 'makes a new secret and shows it, this once', on(rotate))).addOption(
          new Option('--grace <duration>', 'how long the old one stays valid: 24h, 30m, 0')
            .argParser(duration)
            .default(DEFAULT_GRACE_MS, '24h'),
        );
        audited(add('remove <client>', 'it can exchange nothing from then on; what it has runs out', on(remove)));
        add('source', "the custom authorization server whose access tokens a tenant's exchange takes", on(source));
        audited(sourceFlags(add('set-source', 'names that server, and which of its tokens are taken', on(setSource))));
        audited(add('remove-source', 'takes no access tokens of a custom server any more', on(removeSource)));
      },
    },
    args,
    options,
  );
}

const audited = (command: Command): Command =>
  command.option('--by <name>', 'who answers for it; else whoever is logged in here');

const policy = (command: Command): Command =>
  command
    .option('--audience <name>', 'service that the tokens are for (repeatable)', collect)
    .option('--kinds <kinds>', `access tokens that it may show: ${TOKEN_KINDS.slice(1).join(', ')}; both`, kinds)
    .option('--id-tokens', 'it may show ID tokens as well, each once and within five minutes')
    .option('--no-id-tokens')
    .option('--jwks-file <file>', 'public keys (JWKS): it authenticates with private_key_jwt and has no secret');

const sourceFlags = (command: Command): Command =>
  command
    .requiredOption('--issuer <url>', 'e.g. https://your-org.okta.com/oauth2/default')
    .requiredOption('--audience <audience>', 'audience of that server, e.g. api://default', collect)
    .requiredOption('--client-id <id>', 'app in Okta whose tokens are taken, 0oa... (repeatable)', collect)
    .requiredOption('--scope <scope>', 'scope that a token must have to be exchanged');

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value.trim()];

function kinds(value: string): TokenKind[] {
  const named = value.split(',').map((kind) => kind.trim());
  const known = TOKEN_KINDS.filter((kind) => named.includes(kind));
  if (known.length === named.length && !known.includes('id_token')) return known;
  throw new InvalidArgumentError(
    'Write access_token, org_access_token, or both; ID tokens are allowed by --id-tokens.',
  );
}

const list: Run = async (admin) => {
  const [clients, tenants] = [await admin.clients(), await admin.tenants()];
  return { text: describeList(clients, tenants), json: clients };
};

const show: Run = async (admin, id) => {
  const client = await admin.client(id);
  return { text: describeClient(client, await admin.tenants()), json: client };
};

const addClient: Run = async (admin, id, flags) => {
  const { clientSecret } = await admin.create(id, await policyOf(admin, flags));
  return secretAnswer(admin, id, clientSecret);
};

const change: Run = async (admin, id, flags) => {
  const { clientSecret } = await admin.put(id, await changeClient(admin, await admin.client(id), flags));
  return secretAnswer(admin, id, clientSecret);
};

async function secretAnswer(admin: ExchangeAdmin, id: string, clientSecret: string | null): Promise<Answer> {
  const client = await admin.client(id);
  const text = `${describeClient(client, await admin.tenants())}${describeSecret(clientSecret)}`;
  return { text, json: { ...client, clientSecret } };
}

const rotate: Run = async (admin, id, { grace }) => {
  const rotated = await admin.rotate(id, grace);
  return { text: describeRotation(id, rotated), json: { id, ...rotated } };
};

const remove: Run = async (admin, id) => {
  await admin.remove(id);
  const text = `The client "${id}" is removed. Tokens that it was given stay valid until they expire, at most an hour.`;
  return { text, json: { id, removed: true } };
};

const source: Run = async (admin, _, { tenant }) => {
  const { slug, id } = await admin.tenant(tenant);
  const found = await admin.source(id);
  return { text: describeSource(slug, found), json: found };
};

const setSource: Run = async (admin, _, { tenant, issuer, audience = [], clientId, scope }) => {
  const { slug, id } = await admin.tenant(tenant);
  const wanted = { issuer: issuer.trim(), audience: audience.at(-1) ?? '', clientIds: clientId, scope: scope.trim() };
  await admin.putSource(id, wanted);
  return { text: describeSource(slug, wanted), json: wanted };
};

const removeSource: Run = async (admin, _, { tenant }) => {
  const { slug, id } = await admin.tenant(tenant);
  await admin.removeSource(id);
  return { text: describeSource(slug, null), json: null };
};

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2));
