/** `npm run tenant -- create | configure | rotate-token | connect-okta | disconnect-okta | connect-sso | disconnect-sso | list | show`. */
import { Command, CommanderError, Option } from 'commander';
import { ConfigError, duration, isDatabaseOutage, Problem, redactText } from '#platform';
import { DEFAULT_GRACE_MS } from '#secrets';
import { groupToUnmap } from './cli-input.js';
import { addOkta } from './cli-okta.js';
import { asJson, describeChange, describeList, describeTenant, describeToken, NOT_PUBLISHED } from './cli-output.js';
import { who, type Add, type Choose, type Run } from './cli-run.js';
import { changeOf, withSettings, type SettingsOptions } from './cli-settings.js';
import { addSso } from './cli-sso.js';
import { hubConfig, type Environment, type HubConfig } from './config.js';
import { openHub, type Hub } from './hub.js';

/** Exit codes; from 64 on those of sysexits.h. */
export const EXIT = { ok: 0, refused: 1, usage: 64, unavailable: 69, notPublished: 75, config: 78 } as const;

export interface CliOptions {
  /** The process's environment, if left out. */
  readonly env?: Environment;
  readonly out?: (text: string) => void;
  readonly err?: (text: string) => void;
  readonly open?: (config: HubConfig) => Promise<Hub>;
  /** Where a secret called `-` comes from. */
  readonly stdin?: AsyncIterable<Buffer | string>;
}

/** Runs one command; returns the exit code, throws only what is a bug. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<number> {
  const out = options.out ?? ((text: string) => process.stdout.write(text));
  const err = options.err ?? ((text: string) => process.stderr.write(text));
  let chosen: Run | undefined;
  const program = commands((run) => (chosen = run), out, err);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    throw error;
  }
  if (!chosen) return EXIT.usage;
  try {
    return await execute(chosen, options, out, err);
  } catch (error) {
    const failure = explain(error);
    err(`${redactText(failure.text)}\n`);
    return failure.code;
  }
}

async function execute(
  run: Run,
  options: CliOptions,
  out: (text: string) => void,
  err: (text: string) => void,
): Promise<number> {
  const config = hubConfig(options.env);
  const hub = await (options.open ?? openHub)(config);
  try {
    const { text, result } = await run(hub.tenants, { config, stdin: options.stdin ?? process.stdin });
    out(`${text}\n`);
    if (result === undefined || result.published) return EXIT.ok;
    err(`\n${NOT_PUBLISHED}\n`);
    return EXIT.notPublished;
  } finally {
    await hub.close();
  }
}

function explain(error: unknown): { text: string; code: number } {
  if (error instanceof Problem)
    return { text: error.detail, code: error.code === 'unavailable' ? EXIT.unavailable : EXIT.refused };
  if (error instanceof ConfigError)
    return { text: `${error.message}\nOr start the local stack first: npm start`, code: EXIT.config };
  if (isDatabaseOutage(error))
    return {
      text: `The database is not reachable (${(error as Error).message}). Nothing was changed. Is the stack running? Start it: npm start`,
      code: EXIT.unavailable,
    };
  throw error;
}

function commands(choose: Choose, out: (text: string) => void, err: (text: string) => void): Command {
  const program = new Command('tenant')
    .description('Tenants of the Okta integration: their settings and their SCIM token.')
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err });
  const add: Add = (name, description) =>
    program.command(name).description(description).option('--json', 'print one JSON object');

  withSettings(add('create <slug>', 'create a tenant and show its SCIM token, this once'))
    .option('--enable-scim', 'the same as --scim on')
    .option('--if-missing', 'succeed if the tenant exists already')
    .action((slug: string, o: SettingsOptions & { json?: boolean; enableScim?: boolean; ifMissing?: boolean }) =>
      choose(async (tenants, { config }) => {
        const change = { ...changeOf(o), ...(o.enableScim && { scimEnabled: true }) };
        const result = await tenants.create({ slug, change, who: who() }, { ifMissing: o.ifMissing ?? false });
        const said = result.token
          ? `Tenant "${slug}" is created.\n\n${describeToken(result, config.PUBLIC_URL)}`
          : `The tenant "${slug}" exists already; nothing was changed.`;
        return { text: o.json ? asJson(result, config.PUBLIC_URL) : said, result };
      }),
    );
  withSettings(add('configure <slug>', 'change settings; what is not named stays as it is'))
    .option('--unmap <group>', 'take away the roles of a group, by name or id (repeatable)', groupToUnmap)
    .action((slug: string, o: SettingsOptions & { json?: boolean }) =>
      choose(async (tenants, { config }) => {
        const result = await tenants.configure(slug, changeOf(o), who());
        return {
          text: o.json
            ? asJson(result, config.PUBLIC_URL)
            : `${describeChange(result)}\n\n${describeTenant(result.tenant, config.PUBLIC_URL)}`,
          result,
        };
      }),
    );
  add('rotate-token <slug>', 'issue a new SCIM token and show it, this once')
    .addOption(
      new Option('--grace <duration>', 'how long the old token stays valid: 24h, 30m, 0')
        .argParser(duration)
        .default(DEFAULT_GRACE_MS, '24h'),
    )
    .action((slug: string, o: { json?: boolean; grace: number }) =>
      choose(async (tenants, { config }) => {
        const result = await tenants.rotateToken(slug, o.grace, who());
        return { text: o.json ? asJson(result, config.PUBLIC_URL) : describeToken(result, config.PUBLIC_URL), result };
      }),
    );
  addOkta(add, choose);
  addSso(add, choose);
  addLooks(add, choose);
  return program;
}

function addLooks(add: Add, choose: Choose): void {
  add('list', 'all tenants').action((o: { json?: boolean }) =>
    choose(async (tenants, { config }) => {
      const all = await tenants.list();
      return {
        text: o.json
          ? `[${all.map((tenant) => asJson({ tenant, token: null }, config.PUBLIC_URL)).join(',')}]`
          : describeList(all),
      };
    }),
  );
  add('show <slug>', "one tenant's settings").action((slug: string, o: { json?: boolean }) =>
    choose(async (tenants, { config }) => {
      const tenant = await tenants.show(slug);
      return {
        text: o.json ? asJson({ tenant, token: null }, config.PUBLIC_URL) : describeTenant(tenant, config.PUBLIC_URL),
      };
    }),
  );
}

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2));
