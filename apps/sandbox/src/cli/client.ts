/** The sandbox Okta of the running stack, and how its answers are printed. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Mode } from '../okta/model.js';
import type { Delivery } from '../okta/hooks/event-hooks.js';
import type { LogoutResult } from '../okta/oidc/universal-logout.js';
import type { VerbResult } from '../okta/okta.js';
import type { Exchange } from '../okta/wire.js';

/** What a person can do something about; printed without a stack trace. */
export class CliProblem extends Error {}

export interface RunOptions {
  readonly mode?: Mode;
  readonly tenant: string;
  readonly pace?: number;
}

export interface Listed {
  readonly people: { login: string; status: string; assigned: boolean; remoteId: string | null }[];
  readonly groups: { name: string; push: { status: string } | null; members: string[] }[];
  readonly tasks: { created_at: string; verb: string; subject: string; detail: string | null }[];
  readonly deliveries: Delivery[];
}

/** `access_token`: of the custom server `default`, the others of the org server. */
export const tokenKinds = ['access_token', 'org_access_token', 'id_token'] as const;
export type TokenKind = (typeof tokenKinds)[number];

const stackFile = z.object({ sandbox: z.object({ okta: z.url() }) });

export class OktaClient {
  constructor(private readonly stackFolder: string) {}

  run(verb: string, options: RunOptions, body: object): Promise<VerbResult> {
    const query = new URLSearchParams({
      ...(options.mode && { mode: options.mode }),
      ...(options.pace !== undefined && { pace: String(options.pace) }),
    });
    return this.call('POST', `${encodeURIComponent(options.tenant)}/${verb}?${query.toString()}`, body);
  }

  list<K extends keyof Listed>(what: K, tenant: string): Promise<Pick<Listed, K>> {
    const place = what === 'deliveries' ? 'event-hook/deliveries' : what;
    return this.call('GET', `${encodeURIComponent(tenant)}/${place}`);
  }

  universalLogout(tenant: string, login: string, fault: string | undefined): Promise<LogoutResult> {
    return this.call('POST', `${encodeURIComponent(tenant)}/universal-logout`, { login, fault });
  }

  /** As after a login of this person just now. */
  token(tenant: string, login: string, kind: TokenKind, scopes: readonly string[] | undefined): Promise<string> {
    const server = kind === 'access_token' ? 'default' : 'org';
    const asked = { login, server, ...(scopes && { scopes }) };
    return this.call<{ id_token: string; access_token: string }>(
      'POST',
      `${encodeURIComponent(tenant)}/oidc-client/tokens`,
      asked,
    ).then((tokens) => (kind === 'id_token' ? tokens.id_token : tokens.access_token));
  }

  private async call<T>(method: string, where: string, body?: object): Promise<T> {
    const base = await this.baseUrl();
    const json = { 'content-type': 'application/json' };
    const init = body === undefined ? { method } : { method, headers: json, body: JSON.stringify(body) };
    const response = await fetch(`${base}/sandbox/apps/${where}`, init).catch(() => {
      throw new CliProblem(`the sandbox Okta does not answer at ${base}: is the stack still running?`);
    });
    const answer = (await response.json()) as T & { error?: string };
    if (!response.ok) throw new CliProblem(answer.error ?? `HTTP ${response.status}`);
    return answer;
  }

  private async baseUrl(): Promise<string> {
    const file = path.join(this.stackFolder, 'stack.json');
    const content = await readFile(file, 'utf8').catch(() => undefined);
    if (content === undefined)
      throw new CliProblem(`no running stack: ${file} is not there. Start one with "npm start" and leave it running.`);
    const parsed = stackFile.safeParse(JSON.parse(content));
    if (!parsed.success) throw new CliProblem(`${file} names no sandbox Okta: this stack uses a real one.`);
    return parsed.data.sandbox.okta;
  }
}

export function exchangeLine(e: Exchange): string {
  const { pathname, search } = new URL(e.url);
  return requestLine(e, `${e.method.padEnd(6)} ${decodeURIComponent(pathname + search)}`);
}

/** One line per attempt of the event hook; one line for a delivery that was put off. */
export function deliveryLines({ attempts, events, state, url }: Delivery): string[] {
  const what = `HOOK   ${new URL(url).pathname} ${events.map((e) => `${e.type} ${e.login}`).join(', ')}`;
  return attempts.length === 0 ? [`${what}: ${state}`] : attempts.map((a) => requestLine(a, what));
}

function requestLine(r: Pick<Exchange, 'startedAt' | 'endedAt' | 'status' | 'error'>, what: string): string {
  const time = new Date(r.startedAt).toISOString().slice(11, 23);
  const status = String(r.status ?? 'ERR').padEnd(3);
  const ms = (r.endedAt - r.startedAt).toFixed(0).padStart(5);
  return `${time}  ${status}  ${ms} ms  ${what}${r.error === null ? '' : `  ${r.error}`}`;
}

export function logoutLines({ attempts, url, sessionsEnded }: LogoutResult): string[] {
  const ended = `sessions with Okta that ended: ${sessionsEnded}`;
  return [...attempts.map((a) => requestLine(a, `POST   ${new URL(url).pathname}`)), ended];
}

const SILENT = '(nothing: Okta stopped silently, as it does when a list answer has strings for numbers)';

export function verdictLine(result: VerbResult): string {
  const what = result.subject === '' ? result.verb : `${result.verb} ${result.subject}`;
  return result.ok
    ? `${what}: done (${result.mode.toUpperCase()})`
    : `${what}: FAILED. Okta's task says: ${result.task?.detail ?? SILENT}`;
}
