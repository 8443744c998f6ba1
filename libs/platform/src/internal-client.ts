/** Command lines that ask a running service over its internal API: where it is, how it is called, what errors say. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { EXIT } from '#command-line';
import { loadConfig, optionalText, text } from './config.js';

/** Something that the person at the keyboard can put right. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
    this.name = 'CliError';
  }
}

export { EXIT };

/** What JSON makes of dates. */
export type Json<T> = T extends Date
  ? string
  : T extends readonly (infer E)[]
    ? Json<E>[]
    : T extends object
      ? { [K in keyof T]: Json<T[K]> }
      : T;

export interface TargetFlags {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
}

const where = {
  STACK_DIR: text({ purpose: 'Folder of the running local stack.', example: '.local', default: '.local' }),
  INTERNAL_API_TOKEN: {
    ...optionalText({ purpose: 'Bearer token of the internal API.', example: '$(openssl rand -hex 32)' }),
    secret: true,
  },
};
const stackFile = z.object({ services: z.record(z.string(), z.object({ url: z.string() })) });
const secretsFile = z.object({ internalToken: z.string().min(1) });
const TIMEOUT_MS = 15_000;

export class InternalClient {
  private constructor(
    private readonly service: string,
    private readonly url: string,
    private readonly token: string,
  ) {}

  /** By flags, the token also by the environment (inside a container), else by the files of the running local stack. */
  static find(service: string, flags: TargetFlags, env?: NodeJS.ProcessEnv): InternalClient {
    const { STACK_DIR, INTERNAL_API_TOKEN } = loadConfig('command', where, env);
    const given = flags.token ?? INTERNAL_API_TOKEN;
    if (flags.url !== undefined && given !== undefined)
      return new InternalClient(service, withoutSlash(flags.url), given);
    const folder = path.resolve(STACK_DIR);
    const url = flags.url ?? readJson(path.join(folder, 'stack.json'), stackFile).services[service]?.url;
    if (url === undefined)
      throw new CliError(
        `${folder}/stack.json names no ${service}. Start the stack again with "npm start".`,
        EXIT.unavailable,
      );
    const token = given ?? readJson(path.join(folder, 'secrets.json'), secretsFile).internalToken;
    return new InternalClient(service, withoutSlash(url), token);
  }

  /** The parsed answer; a refusal is a {@link CliError} with the sentence of the service. */
  async call<T>(method: string, route: string, body?: unknown): Promise<T> {
    const response = await this.send(method, route, body);
    const answer: unknown = await response.json().catch(() => null);
    if (response.ok) return answer as T;
    const detail = (answer as { detail?: unknown } | null)?.detail;
    throw new CliError(
      typeof detail === 'string' ? detail : `${this.service} answered ${response.status}.`,
      response.status >= 500 ? EXIT.unavailable : EXIT.refused,
    );
  }

  private async send(method: string, route: string, body: unknown): Promise<Response> {
    try {
      return await fetch(`${this.url}${route}`, {
        method,
        headers: {
          authorization: `Bearer ${this.token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch {
      throw new CliError(
        `${this.service} does not answer at ${this.url}. Is the stack running? Start it with "npm start".`,
        EXIT.unavailable,
      );
    }
  }
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

function readJson<T>(file: string, schema: z.ZodType<T>): T {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch {
    throw new CliError(
      `No stack is running here (${file} cannot be read). Start one with "npm start", or name a service with --url and --token.`,
      EXIT.unavailable,
    );
  }
  try {
    return schema.parse(JSON.parse(content));
  } catch {
    throw new CliError(
      `${file} is not what a running stack writes. Start the stack again with "npm start".`,
      EXIT.unavailable,
    );
  }
}

/** Columns under their heads, for terminals. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((r) => (r[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((w) => '-'.repeat(w))), ...rows.map(line)].join('\n');
}
