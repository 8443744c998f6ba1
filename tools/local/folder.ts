/** The folder of a local stack: secrets that are made once, and the description of the running stack. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LocalProblem } from './problem.js';
import type { UserPool } from './setup.js';

/** The folder of the checkout, found from the sources as well as from dist/. */
export const ROOT = ((): string => {
  let folder = import.meta.dirname;
  while (!fs.existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
})();

export interface Secrets {
  /** Passwords of the database roles, by service. */
  readonly passwords: Record<string, string>;
  readonly superuser: string;
  readonly internalToken: string;
  /** SCIM token by tenant id; everywhere else only its hash is stored. */
  readonly scimTokens: Record<string, string>;
  /** Secret with which Okta's event hook authenticates, by tenant id. */
  readonly eventHookSecrets: Record<string, string>;
  /** Client id of the sandbox Okta's OIDC app whose secret the tenant has, by tenant id. */
  readonly ssoClients: Record<string, string>;
  /** Secret of the example client of the token exchange, by tenant id. */
  readonly exampleClients: Record<string, string>;
  /** Encrypts the sessions of auth-service. */
  readonly sessionKey: string;
}
type TenantSecretKind = 'scimTokens' | 'eventHookSecrets' | 'ssoClients' | 'exampleClients';

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

/** The files of the folder. */
interface Files {
  readonly 'secrets.json': Secrets;
  readonly 'stack.json': StackDescription;
  /** Ports of the last start: they are used again, so that addresses that people noted stay valid. */
  readonly 'ports.json': Readonly<Record<string, number>>;
  /** The user pool of the last start. An older version of this launcher stored less of it. */
  readonly 'user-pool.json': Partial<UserPool>;
}

export class StackFolder {
  constructor(readonly path: string) {
    try {
      fs.mkdirSync(path, { recursive: true, mode: 0o755 });
      fs.accessSync(path, fs.constants.W_OK);
    } catch (error) {
      throw new LocalProblem(
        `Cannot write to ${path} (${(error as Error).message}). Make it writable, or name another folder in STACK_DIR.`,
      );
    }
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  /** Reads the secrets and makes those that are missing: a service that is new since the last start gets a password. */
  secrets(services: readonly string[]): Secrets {
    const known: Partial<Secrets> = this.read('secrets.json') ?? {};
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

  /** Adds one secret of a tenant. */
  remember(secrets: Secrets, kind: TenantSecretKind, tenantId: string, secret: string): void {
    secrets[kind][tenantId] = secret;
    this.write('secrets.json', secrets);
  }

  /** The file of the key with which auth-service signs assertions. */
  assertionKeyFile(): string {
    const file = this.file('assertion.pem');
    if (fs.existsSync(file)) return file;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const draft = `${file}.${process.pid}`;
    fs.writeFileSync(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    fs.renameSync(draft, file);
    return file;
  }

  forget(): void {
    fs.rmSync(this.file('stack.json'), { force: true });
  }

  read<N extends keyof Files>(name: N): Files[N] | undefined {
    if (!fs.existsSync(this.file(name))) return undefined;
    try {
      return JSON.parse(fs.readFileSync(this.file(name), 'utf8')) as Files[N];
    } catch (error) {
      throw new LocalProblem(
        `${this.file(name)} is not readable (${(error as Error).message}). Remove it; the next start makes it again.`,
      );
    }
  }

  /** Replaces the file in one step, so that no reader sees half of it. Only this user may read it. */
  write<N extends keyof Files>(name: N, content: Files[N]): void {
    const draft = this.file(`.${name}.${process.pid}`);
    fs.writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    fs.renameSync(draft, this.file(name));
  }
}
