/** What the local stack keeps in its folder: secrets that are made once, and the description of what runs. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LocalProblem } from './postgres-files.js';
import type { UserPool } from './user-pool.js';

/** The checkout, from the sources as well as from dist/. */
export const ROOT = ((): string => {
  let folder = import.meta.dirname;
  while (!fs.existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
})();

export interface Secrets {
  /** Of the database roles, by service. */
  readonly passwords: Record<string, string>;
  readonly superuser: string;
  readonly internalToken: string;
  /** SCIM token by tenant id; only their hashes are stored elsewhere. */
  readonly scimTokens: Record<string, string>;
  /** What Okta's event hook sends to show that it is Okta's, by tenant id. */
  readonly eventHookSecrets: Record<string, string>;
  /** Client id of the sandbox Okta's OIDC app whose secret the tenant has, by tenant id. */
  readonly ssoClients: Record<string, string>;
  /** Secret of the example client of the token exchange, by tenant id. */
  readonly exampleClients: Record<string, string>;
  /** Seals the sessions of auth-service. */
  readonly sessionKey: string;
}

export interface StackDescription {
  readonly ready: boolean;
  /** The launcher. */
  readonly pid: number;
  readonly edge: string;
  readonly carrier: 'postgres' | 'kafka';
  readonly tenants: readonly {
    readonly slug: string;
    readonly id: string;
    readonly origin: string;
    readonly scimBaseUrl: string;
    readonly scimToken: string | null;
  }[];
  /** A client of the token exchange to try it with; null where the sandbox Okta is not connected. */
  readonly exchange: {
    readonly endpoint: string;
    readonly clientId: string;
    readonly clientSecret: string;
    readonly audience: string;
  } | null;
  readonly hub: { readonly url: string; readonly setupToken: string } | null;
  readonly sandbox: { readonly okta: string; readonly cognito: string; readonly secretsManager: string };
  readonly cognito: {
    readonly region: string;
    readonly userPoolId: string;
    readonly clientId: string | null;
    readonly jwksUri: string;
  };
  /** Superuser, the stack's own database. */
  readonly postgres: string;
  readonly kafka: string | null;
  readonly services: Readonly<
    Record<string, { readonly pid: number; readonly url: string; readonly health: string; readonly metrics: string }>
  >;
}

export class StackFolder {
  constructor(readonly path: string) {
    try {
      fs.mkdirSync(path, { recursive: true, mode: 0o755 });
      fs.accessSync(path, fs.constants.W_OK);
    } catch (error) {
      throw new LocalProblem(
        `Cannot write to ${path} (${(error as Error).message}). Make it writable, or name another place in STACK_DIR.`,
      );
    }
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  /** Makes what is not there yet: a service that is new since the last start gets its password now. */
  secrets(services: readonly string[]): Secrets {
    const known = this.read<Partial<Secrets>>('secrets.json') ?? {};
    const make = (): string => randomBytes(24).toString('hex');
    const secrets: Secrets = {
      passwords: { ...Object.fromEntries(services.map((name) => [name, make()])), ...known.passwords },
      superuser: known.superuser ?? make(),
      internalToken: known.internalToken ?? make(),
      scimTokens: known.scimTokens ?? {},
      eventHookSecrets: known.eventHookSecrets ?? {},
      ssoClients: known.ssoClients ?? {},
      exampleClients: known.exampleClients ?? {},
      sessionKey: known.sessionKey ?? randomBytes(32).toString('base64url'),
    };
    this.write('secrets.json', secrets);
    return secrets;
  }

  rememberToken(secrets: Secrets, tenantId: string, token: string): void {
    secrets.scimTokens[tenantId] = token;
    this.write('secrets.json', secrets);
  }

  rememberHookSecret(secrets: Secrets, tenantId: string, secret: string): void {
    secrets.eventHookSecrets[tenantId] = secret;
    this.write('secrets.json', secrets);
  }

  rememberSsoClient(secrets: Secrets, tenantId: string, clientId: string): void {
    secrets.ssoClients[tenantId] = clientId;
    this.write('secrets.json', secrets);
  }

  rememberExampleClient(secrets: Secrets, tenantId: string, clientSecret: string): void {
    secrets.exampleClients[tenantId] = clientSecret;
    this.write('secrets.json', secrets);
  }

  /** The key with which auth-service signs assertions, in a file of its own as auth-service wants it. */
  assertionKeyFile(): string {
    const file = this.file('assertion.pem');
    if (fs.existsSync(file)) return file;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const draft = `${file}.${process.pid}`;
    fs.writeFileSync(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    fs.renameSync(draft, file);
    return file;
  }

  /** Ports of the last start, so that addresses that somebody noted stay the same. */
  ports(): Record<string, number> {
    return this.read<Record<string, number>>('ports.json') ?? {};
  }

  rememberPorts(ports: Record<string, number>): void {
    this.write('ports.json', ports);
  }

  /** Of the last start; undefined as well when an older version of this launcher noted less. */
  userPool(): UserPool | undefined {
    const known = this.read<Partial<UserPool>>('user-pool.json');
    return known?.clientSecret === undefined ? undefined : (known as UserPool);
  }

  rememberUserPool(pool: UserPool): void {
    this.write('user-pool.json', pool);
  }

  describe(description: StackDescription): void {
    this.write('stack.json', description);
  }

  description(): StackDescription | undefined {
    return this.read<StackDescription>('stack.json');
  }

  forget(): void {
    fs.rmSync(this.file('stack.json'), { force: true });
  }

  private read<T>(name: string): T | undefined {
    if (!fs.existsSync(this.file(name))) return undefined;
    try {
      return JSON.parse(fs.readFileSync(this.file(name), 'utf8')) as T;
    } catch (error) {
      throw new LocalProblem(
        `${this.file(name)} is not readable (${(error as Error).message}). Remove it, and it is made anew.`,
      );
    }
  }

  /** In one step, for readers that come in between; only for this user. */
  private write(name: string, content: unknown): void {
    const draft = this.file(`.${name}.${process.pid}`);
    fs.writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    fs.renameSync(draft, this.file(name));
  }
}
