/** Reads the typed configuration of a service once at start. No other code of the product reads `process.env`. */
import { z } from 'zod';
import { SCOPES } from '#contracts';
import { callersSchema } from './callers.js';

export interface Setting<T> {
  /** Must accept `undefined` if the setting has a default. */
  readonly schema: z.ZodType<T>;
  /** One sentence for the operator. */
  readonly purpose: string;
  readonly example: string;
  /** True if `--print-config` and error messages must not show the value. */
  readonly secret?: boolean;
  /** Returns whether a value is for development: `NODE_ENV=production` refuses it unless {@link ALLOW_DEVELOPMENT} is set. */
  readonly development?: (value: string) => boolean;
}

/** An address of AWS itself may be set in production, e.g. that of a VPC endpoint. */
export const outsideAws = (address: string): boolean =>
  !/^https:\/\/[a-z0-9.-]+\.amazonaws\.com(\.cn)?(:443)?\/?$/.test(address);
export const always = (): boolean => true;

/** Set by the local stack, which runs as in production but against stand-ins. */
const ALLOW_DEVELOPMENT = 'ALLOW_DEVELOPMENT_SETTINGS';

export type ConfigShape = Readonly<Record<string, Setting<unknown>>>;
export type ConfigOf<S extends ConfigShape> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

export class ConfigError extends Error {
  constructor(
    service: string,
    readonly faults: readonly string[],
  ) {
    super(
      `${service} cannot start because its configuration has ${faults.length} fault(s):\n${faults.map((f) => `  - ${f}`).join('\n')}`,
    );
    this.name = 'ConfigError';
  }
}

/** Throws one {@link ConfigError} that lists every fault. An empty variable counts as not set. */
export function loadConfig<S extends ConfigShape>(
  service: string,
  shape: S,
  env: NodeJS.ProcessEnv = process.env,
): ConfigOf<S> {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(shape)) {
    const raw = env[name] === '' ? undefined : env[name];
    if (
      raw !== undefined &&
      env.NODE_ENV === 'production' &&
      env[ALLOW_DEVELOPMENT] !== 'true' &&
      setting.development?.(raw)
    ) {
      faults.push(
        `${name} has a value for development and tests, which replaces a key or an address that production relies on. Remove it, or set ${ALLOW_DEVELOPMENT}=true if you mean it.`,
      );
      continue;
    }
    const parsed = setting.schema.safeParse(raw);
    if (parsed.success) {
      values[name] = parsed.data;
      continue;
    }
    const why =
      raw === undefined
        ? 'is not set'
        : `${setting.secret ? 'has a bad value' : `is ${JSON.stringify(raw)}`}: ${parsed.error.issues.map((i) => i.message).join('; ')}`;
    faults.push(`${name} ${why}. ${setting.purpose} Example: ${name}=${setting.example}`);
  }
  if (faults.length > 0) throw new ConfigError(service, faults);
  return values as ConfigOf<S>;
}

/** Formats the values for `--print-config`, with masked secrets and masked passwords in URLs. */
export function printableConfig(shape: ConfigShape, config: Readonly<Record<string, unknown>>): string {
  return Object.entries(shape)
    .map(([name, setting]) => {
      const value = printable(config[name]);
      const shown = value === '' ? '(unset)' : setting.secret ? maskSecret(value) : value;
      return `${name}=${shown}  # ${setting.purpose}`;
    })
    .join('\n');
}

const printable = (value: unknown): string =>
  typeof value === 'string' ? value : Array.isArray(value) ? value.join(',') : (JSON.stringify(value) ?? '');

function maskSecret(text: string): string {
  return /^[a-z]+:\/\//.test(text) ? text.replace(/\/\/([^:@/]+):[^@]*@/, '//$1:****@') : '****';
}

export function describeConfig(shape: ConfigShape): string {
  return Object.entries(shape)
    .map(([name, s]) => {
      const fallback = s.schema.safeParse(undefined);
      const rule = !fallback.success
        ? 'required'
        : printable(fallback.data) === ''
          ? 'optional'
          : `default ${s.secret ? '****' : printable(fallback.data)}`;
      return `  ${name}  (${rule})\n      ${s.purpose}\n      e.g. ${name}=${s.example}`;
    })
    .join('\n');
}

type Meta = Pick<Setting<unknown>, 'purpose' | 'example' | 'secret' | 'development'>;
const setting = <T>(schema: z.ZodType<T>, meta: Meta): Setting<T> => ({ schema, ...meta });

export const text = (meta: Meta & { default?: string }): Setting<string> =>
  setting(meta.default === undefined ? z.string().trim().min(1) : z.string().trim().min(1).default(meta.default), meta);

export const optionalText = (meta: Meta): Setting<string | undefined> =>
  setting(z.string().trim().min(1).optional(), meta);

export const secret = (meta: Meta & { minLength?: number }): Setting<string> =>
  setting(z.string().min(meta.minLength ?? 16), { ...meta, secret: true });

export const url = (meta: Meta & { default?: string; protocols?: readonly string[] }): Setting<string> => {
  const protocols = meta.protocols ?? ['http:', 'https:'];
  const schema = z
    .string()
    .refine(
      (v) => URL.canParse(v) && protocols.includes(new URL(v).protocol),
      `must be a URL with ${protocols.join(' or ')}`,
    );
  return setting(meta.default === undefined ? schema : schema.default(meta.default), meta);
};

export const optionalUrl = (meta: Meta): Setting<string | undefined> => setting(z.url().optional(), meta);

export const postgresUrl = (meta: Meta): Setting<string> =>
  setting(
    z
      .string()
      .refine((v) => URL.canParse(v) && /^postgres(ql)?:$/.test(new URL(v).protocol), 'must be a postgres:// URL'),
    { ...meta, secret: true },
  );

export const integer = (meta: Meta & { default?: number; min?: number; max?: number }): Setting<number> => {
  const schema = z
    .string()
    .regex(/^-?\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(
      z
        .number()
        .min(meta.min ?? Number.MIN_SAFE_INTEGER)
        .max(meta.max ?? Number.MAX_SAFE_INTEGER),
    );
  return setting(meta.default === undefined ? schema : schema.prefault(String(meta.default)), meta);
};

export const decimal = (meta: Meta & { default: number; min: number; max: number }): Setting<number> =>
  setting(
    z.string().transform(Number).pipe(z.number().min(meta.min).max(meta.max)).prefault(String(meta.default)),
    meta,
  );

export const flag = (meta: Meta & { default: boolean }): Setting<boolean> =>
  setting(
    z
      .enum(['true', 'false'])
      .prefault(meta.default ? 'true' : 'false')
      .transform((v) => v === 'true'),
    meta,
  );

export const choice = <const T extends string>(
  options: readonly [T, ...T[]],
  meta: Meta & { default: NoInfer<T> },
): Setting<T> =>
  setting(z.enum(options as unknown as [T, ...T[]]).default(meta.default as never) as unknown as z.ZodType<T>, meta);

export const list = (meta: Meta & { default?: readonly string[] }): Setting<readonly string[]> =>
  setting(
    z
      .string()
      .prefault((meta.default ?? []).join(','))
      .transform((v) =>
        v
          .split(',')
          .map((p) => p.trim())
          .filter((p) => p !== ''),
      ),
    meta,
  );

/** The setting with the default of one service, which depends on its largest request body. */
export const requestTimeout = (seconds: number): Setting<number> =>
  integer({
    purpose: 'Seconds within which a request must arrive, with its body. A slower one is answered 408.',
    example: String(seconds),
    default: seconds,
    min: 1,
    max: 3_600,
  });

export const serviceSettings = {
  PORT: integer({
    purpose: 'TCP port that the service listens on; 0 picks a free one.',
    example: '3001',
    default: 3000,
    min: 0,
    max: 65535,
  }),
  HOST: text({ purpose: 'Address that the service binds to.', example: '0.0.0.0', default: '127.0.0.1' }),
  REQUEST_TIMEOUT_SECONDS: requestTimeout(30),
  DATABASE_URL: postgresUrl({
    purpose: 'URL of the Postgres database (PostgreSQL 18 or newer), with the role of this service.',
    example: 'postgres://my_service:secret@postgres:5432/stackflow',
  }),
  DATABASE_POOL_SIZE: integer({
    purpose:
      'Maximum number of Postgres connections of this process for its work. A few more watch the database and carry events.',
    example: '10',
    default: 10,
    min: 2,
    max: 200,
  }),
  LOG_LEVEL: choice(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
    purpose: 'Lowest level that is logged.',
    example: 'info',
    default: 'info',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: optionalUrl({
    purpose:
      'URL of the OTLP/HTTP collector for traces. If it is not set, no trace is exported, but trace ids are still passed on.',
    example: 'http://otel-collector:4318',
  }),
  INTERNAL_API_CALLERS: setting(callersSchema, {
    purpose: `Callers that the internal API of this process accepts, comma-separated: <caller>:<scope>+<scope>:<SHA-256 of the secret>. Scopes are ${SCOPES.join(', ')}. Without callers, the internal API refuses every request.`,
    example: `cli:read+operate+events:${'0'.repeat(64)}`,
    secret: true,
  }),
} satisfies ConfigShape;
