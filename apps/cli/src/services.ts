/** Finds the addresses of the services, creates their clients, and resolves the tenant that a command names. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ApiProblem,
  AuthServiceClient,
  DirectoryClient,
  HubClient,
  IdentityClient,
  InternalClient,
  OffboardingClient,
  ServiceUnreachable,
} from '#contracts/clients';
import {
  commandsWith,
  EXIT,
  Refusal,
  secretFrom,
  stackFile,
  stackFolder,
  usage,
  type Answer,
  type Call,
  type Environment,
} from '#command-line';

/** The services of the product, each with the environment variable that contains its URL. */
export const SERVICES = {
  'scim-gateway': 'SCIM_GATEWAY_URL',
  'identity-service': 'IDENTITY_SERVICE_URL',
  'deactivation-worker': 'DEACTIVATION_WORKER_URL',
  'auth-service': 'AUTH_SERVICE_URL',
  'integration-hub': 'INTEGRATION_HUB_URL',
} as const;
export type ServiceName = keyof typeof SERVICES;
export const SERVICE_NAMES = Object.keys(SERVICES) as ServiceName[];

/** Names further services, such as subscribers to the events: `name=url` pairs, separated by commas. */
const EXTRA = 'EXTRA_SERVICES';

export interface TargetFlags {
  readonly tenant?: string;
  readonly url?: readonly string[];
  readonly credentialFile?: string;
}

export const command = commandsWith<TargetFlags>();

export interface Tenant {
  readonly id: string;
  readonly slug: string;
}

type HasTenants = { tenants(): Promise<readonly Tenant[] | { readonly tenants: readonly Tenant[] }> };

export class Services {
  private constructor(
    private readonly env: Environment,
    private readonly named: ReadonlyMap<string, string>,
    private readonly given: string | undefined,
  ) {}

  static async of({ flags, env, stdin }: Call<TargetFlags>): Promise<Services> {
    const { url = [], credentialFile } = flags;
    const credential =
      credentialFile === undefined
        ? env.INTERNAL_API_CREDENTIAL
        : await secretFrom(credentialFile, stdin, 'credential for the internal APIs', { min: 1, max: 4_096 });
    return new Services(env, new Map(url.map(pair)), credential || undefined);
  }

  readonly directory = (): DirectoryClient => new DirectoryClient(this.client('scim-gateway'));
  readonly identity = (): IdentityClient => new IdentityClient(this.client('identity-service'));
  readonly offboarding = (): OffboardingClient => new OffboardingClient(this.client('deactivation-worker'));
  readonly auth = (): AuthServiceClient => new AuthServiceClient(this.client('auth-service'));
  readonly hub = (): HubClient => new HubClient(this.client('integration-hub'));

  /** Throws a {@link Refusal} if the URL of the service is not configured. */
  client(service: string, timeoutMs?: number): InternalClient {
    return new InternalClient({
      service,
      url: this.url(service),
      token: this.credential(),
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
  }

  url(service: string): string {
    const variable = (SERVICES as Readonly<Record<string, string>>)[service];
    const found =
      this.named.get(service) ?? (variable && this.env[variable]) ?? this.extra().get(service) ?? this.local(service);
    if (found) return found;
    throw new Refusal(
      `${stackFolder(this.env)}/stack.json contains no ${service}. Start the stack again with "npm start", or give its URL: --url ${service}=<url>${variable ? ` or ${variable}` : ''}.`,
      EXIT.config,
    );
  }

  /** Returns the names of all known services, those of the product first. */
  all(): string[] {
    let local: string[] = [];
    try {
      local = Object.keys(this.stack());
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    const inEnvironment = SERVICE_NAMES.filter((name) => this.env[SERVICES[name]]);
    const known = [...inEnvironment, ...this.named.keys(), ...this.extra().keys(), ...local];
    const extra = known.filter((name) => !(SERVICE_NAMES as string[]).includes(name) && name !== 'sandbox');
    return [...SERVICE_NAMES, ...new Set(extra)];
  }

  private credential(): string {
    if (this.given !== undefined) return this.given;
    const { callers } = stackFile(this.env, 'secrets.json') as { callers?: Readonly<Record<string, unknown>> };
    if (typeof callers?.cli === 'string') return `cli.${callers.cli}`;
    throw new Refusal('The credential for the internal APIs is missing. Set INTERNAL_API_CREDENTIAL.', EXIT.config);
  }

  private extra(): Map<string, string> {
    const text = this.env[EXTRA]?.trim();
    return new Map(text ? text.split(',').map((each) => pair(each.trim())) : []);
  }

  private local(service: string): string | undefined {
    return this.stack()[service]?.url;
  }

  private stack(): Readonly<Record<string, { readonly url?: string } | undefined>> {
    return (stackFile(this.env, 'stack.json') as { services?: Record<string, { url?: string }> }).services ?? {};
  }
}

function pair(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0 && URL.canParse(text.slice(at + 1))) return [text.slice(0, at), text.slice(at + 1)];
  throw usage(
    `error: "${text}" does not give the URL of a service. Write it as identity-service=http://localhost:3002.`,
  );
}

export async function tenantsOf(owner: HasTenants): Promise<readonly Tenant[]> {
  const answer = await owner.tenants();
  return 'tenants' in answer ? answer.tenants : answer;
}

export const anyOwner = (services: Services): HasTenants => ({ tenants: () => anyTenants(services) });

/** Returns the tenants from the first service that answers, for commands that ask several services. */
export async function anyTenants(services: Services): Promise<readonly Tenant[]> {
  const owners = [services.hub, services.identity, services.offboarding, services.auth, services.directory];
  let first: Refusal | undefined;
  for (const owner of owners) {
    const { value, problem } = await part(async () => tenantsOf(owner()));
    if (value !== undefined) return value;
    first ??= problem;
  }
  throw first ?? new Refusal('No service answers.', EXIT.unavailable);
}

/** The result of a call, or the reason why the result is not known. */
export type Part<T> =
  | { readonly value: T; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: Refusal };

/** Returns the error of a call instead of throwing it. One failed call must not hide the results of the others. */
export async function part<T>(ask: () => Promise<T>): Promise<Part<T>> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (error instanceof Refusal) return { problem: error };
    const refused = error instanceof ApiProblem && error.status < 500;
    if (error instanceof ApiProblem || error instanceof ServiceUnreachable)
      return { problem: new Refusal(error.message, refused ? EXIT.refused : EXIT.unavailable) };
    throw error;
  }
}

/** Finds a tenant by slug or id. Without a name it returns the only tenant, and refuses if there are several. */
export async function findTenant(owner: HasTenants, name: string | undefined): Promise<Tenant> {
  const tenants = await tenantsOf(owner);
  const slugs = tenants.map((tenant) => tenant.slug).join(', ');
  if (name !== undefined) {
    const found = tenants.find(({ slug, id }) => slug === name || id === name);
    if (found) return found;
    throw new Refusal(`There is no tenant "${name}". Tenants: ${slugs || 'none yet'}.`);
  }
  const [only, another] = tenants;
  if (!only) throw new Refusal('There is no tenant yet. Create one with "tenants create <slug>".');
  if (another) throw usage(`error: there are several tenants: ${slugs}. Name one with --tenant <slug>.`);
  return only;
}

interface Target<C> {
  readonly services: Services;
  readonly client: C;
  readonly tenant: Tenant;
  /** Adds the name of the tenant to a text, unless the caller named the tenant. */
  readonly about: (text: string) => string;
}

/** Finds the tenant of a command. `choose` selects the service that lists the tenants. */
export async function target<C extends HasTenants>(
  call: Call<TargetFlags>,
  choose: (services: Services) => C,
): Promise<Target<C>> {
  const services = await Services.of(call);
  const client = choose(services);
  const tenant = await findTenant(client, call.flags.tenant);
  const head = call.flags.tenant === undefined ? `${call.screen.paint('dim', `Tenant: ${tenant.slug}`)}\n\n` : '';
  return { services, client, tenant, about: (text) => head + text };
}

/** Reads the pages of a list until it has `limit` items. `more` is true if the list contains further items. */
export async function take<T>(
  limit: number,
  page: (query: { limit: number; cursor?: string }) => Promise<{ items: readonly T[]; next: string | null }>,
  longest = 1_000,
): Promise<{ items: T[]; more: boolean }> {
  const items: T[] = [];
  for (let cursor: string | null = null; ;) {
    const answer = await page({ limit: Math.min(longest, limit - items.length), ...(cursor !== null && { cursor }) });
    items.push(...answer.items);
    cursor = answer.next;
    if (cursor === null || items.length >= limit) return { items, more: cursor !== null };
  }
}

export const MORE = '\n... and more; raise --limit to see them.';

/** Waits until the comparison `run` ends, unless `wait` is false. Returns the state of the latest comparison. */
export async function untilEnded<R extends { readonly id: string; readonly state: string }>(
  run: string,
  wait: boolean,
  latest: () => Promise<R>,
  describe: (result: R) => string,
): Promise<Answer> {
  for (;;) {
    const result = await latest();
    if (!wait || result.id !== run || result.state !== 'running') {
      if (result.state === 'failed') throw new Refusal(describe(result), EXIT.unavailable);
      return { text: describe(result), json: result };
    }
    await sleep(POLL_MS);
  }
}

const POLL_MS = 300;
