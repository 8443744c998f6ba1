/** The folder of a local stack. It contains secrets that are created once, and the description of the running stack. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LocalProblem } from './problem.js';

/** The folder of the checkout. It is found both from the sources and from dist/. */
export const ROOT = ((): string => {
  let folder = import.meta.dirname;
  while (!fs.existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
})();

export interface Secrets {
  /** Passwords of the database roles, by service. */
  readonly passwords: Record<string, string>;
  readonly superuser: string;
  /** Secrets of the callers of the internal APIs, by caller. */
  readonly callers: Record<string, string>;
  /** SCIM tokens by tenant id. Everywhere else, only the hash of a token is stored. */
  readonly scimTokens: Record<string, string>;
  /** Secrets with which Okta's event hooks authenticate, by tenant id. */
  readonly eventHookSecrets: Record<string, string>;
  /** Client ids of the sandbox Okta's OIDC apps, by tenant id. The tenant already has the secret of this app. */
  readonly ssoClients: Record<string, string>;
  /** Secrets of the example client of the token exchange, by tenant id. */
  readonly exampleClients: Record<string, string>;
  /** Key that encrypts the sessions of auth-service. */
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
  /** An example client of the token exchange; null if the sandbox Okta is not connected. */
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
  /** Superuser URL of the stack's own database. */
  readonly postgres: string;
  readonly kafka: string | null;
  readonly services: Readonly<
    Record<string, { readonly pid: number; readonly url: string; readonly health: string; readonly metrics: string }>
  >;
}

/** The contents of the JSON files of the folder, by file name. */
interface Files {
  readonly 'secrets.json': Secrets;
  readonly 'stack.json': StackDescription;
  /** The ports of the last start. They are used again, so that known addresses remain valid. */
  readonly 'ports.json': Readonly<Record<string, number>>;
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

  /** Reads the secrets and creates missing ones, for example for a service or a caller that is new since the last start. */
  secrets(services: readonly string[], callers: readonly string[]): Secrets {
    const known: Partial<Secrets> = this.read('secrets.json') ?? {};
    const make = (): string => randomBytes(24).toString('hex');
    const secrets: Secrets = {
      passwords: { ...Object.fromEntries(services.map((name) => [name, make()])), ...known.passwords },
      superuser: known.superuser ?? make(),
      callers: { ...Object.fromEntries(callers.map((name) => [name, make()])), ...known.callers },
      scimTokens: known.scimTokens ?? {},
      eventHookSecrets: known.eventHookSecrets ?? {},
      ssoClients: known.ssoClients ?? {},
      exampleClients: known.exampleClients ?? {},
      sessionKey: known.sessionKey ?? randomBytes(32).toString('base64url'),
    };
    this.write('secrets.json', secrets);
    return secrets;
  }

  /** Stores one secret of a tenant. */
  remember(secrets: Secrets, kind: TenantSecretKind, tenantId: string, secret: string): void {
    secrets[kind][tenantId] = secret;
    this.write('secrets.json', secrets);
  }

  /** Returns the file with the key with which auth-service signs assertions. Creates the key if it is missing. */
  assertionKeyFile(): string {
    const file = this.file('assertion.pem');
    if (fs.existsSync(file)) return file;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const draft = `${file}.${process.pid}`;
    fs.writeFileSync(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    fs.renameSync(draft, file);
    return file;
  }

  /**
   * Takes over the SCIM tokens in stack.json. `stackflow tenants rotate-token` writes a new token there while the stack
   * runs.
   */
  adoptTokens(): void {
    const secrets = this.read('secrets.json');
    for (const { id, scimToken } of this.read('stack.json')?.tenants ?? [])
      if (secrets && scimToken !== null && secrets.scimTokens[id] !== scimToken)
        this.remember(secrets, 'scimTokens', id, scimToken);
  }

  forget(): void {
    this.adoptTokens();
    fs.rmSync(this.file('stack.json'), { force: true });
  }

  read<N extends keyof Files>(name: N): Files[N] | undefined {
    if (!fs.existsSync(this.file(name))) return undefined;
    try {
      return JSON.parse(fs.readFileSync(this.file(name), 'utf8')) as Files[N];
    } catch (error) {
      throw new LocalProblem(
        `${this.file(name)} is not readable (${(error as Error).message}). Remove this file; the next start creates it again.`,
      );
    }
  }

  /** Replaces the file in one step, so that nobody reads an incomplete file. Only this user may read the file. */
  write<N extends keyof Files>(name: N, content: Files[N]): void {
    const draft = this.file(`.${name}.${process.pid}`);
    fs.writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    fs.renameSync(draft, this.file(name));
  }
}
