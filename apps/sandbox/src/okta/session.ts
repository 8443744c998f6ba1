/** Sends and repeats SCIM requests with Okta's pauses, and reads the answers as Okta does. */
import { STATUS_CODES } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OktaApp } from './model.js';
import { exchange, type Agents, type Answer, type Exchange } from './wire.js';

export interface SessionOptions {
  /** Mean pause between two requests in milliseconds. Recordings of Okta show 200-250 ms. */
  readonly paceMs: number;
  /** Factor for the waits after status 429. Tests use a small one. */
  readonly timeScale: number;
  readonly timeoutMs: number;
  readonly agents: Agents;
  readonly signal: AbortSignal;
  /** Waits. Tests replace it to see every wait. */
  readonly sleep?: (ms: number, value: undefined, options: { signal: AbortSignal }) => Promise<void>;
}

/** Thrown when a task fails. An administrator sees the message under Dashboard -> Tasks. */
export class ProvisioningFailure extends Error {}

/** Thrown when Okta stops without a message. The task then has no reason (null). */
export class SilentStop extends Error {}

export type Json = Record<string, unknown>;
export interface ScimAnswer {
  readonly status: number;
  readonly body: Json | undefined;
}

/**
 * In recordings, Okta repeats a request after status 429. It first waits as long as `Retry-After` says. Without an
 * integer in this header, it waits 5 minutes, and then doubles the wait. After 10 attempts the task fails.
 */
const MAX_ATTEMPTS = 10;
const DEFAULT_WAIT_MS = 300_000;
const PACE_SPREAD = 0.11;

export class ScimSession {
  readonly exchanges: Exchange[] = [];
  private readonly sleep;

  constructor(
    readonly app: OktaApp,
    private readonly options: SessionOptions,
  ) {
    this.sleep = options.sleep ?? sleep;
  }

  /**
   * Sends a request. The error message begins with `doing` ("Error while creating user x"). Any status that is neither
   * 2xx nor in `accept` fails the task.
   */
  async send(
    method: string,
    path: string,
    doing: string,
    body?: Json,
    accept: readonly number[] = [],
  ): Promise<ScimAnswer> {
    const answer = await this.attempt(method, path, doing, body === undefined ? undefined : JSON.stringify(body));
    const { status } = answer;
    if ((status >= 200 && status < 300) || accept.includes(status)) return { status, body: parse(answer, doing) };
    throw new ProvisioningFailure(
      `${doing}: ${reason(status)}. Errors reported by remote server: ${remoteDetail(answer)}`,
    );
  }

  private async attempt(method: string, path: string, doing: string, body: string | undefined): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      await this.pause();
      const { answer, record } = await exchange(this.options.agents, this.app, method, path, body, this.options);
      this.exchanges.push(record);
      if (!answer) throw new ProvisioningFailure(`${doing}: ${record.error}`);
      if (answer.status !== 429 || attempt >= MAX_ATTEMPTS) return answer;
      await this.sleep(retryWaitMs(answer.headers['retry-after'], attempt) * this.options.timeScale, undefined, {
        signal: this.options.signal,
      });
    }
  }

  private async pause(): Promise<void> {
    const { paceMs, signal } = this.options;
    if (this.exchanges.length === 0 || paceMs === 0) return;
    await this.sleep(paceMs * (1 + PACE_SPREAD * (2 * Math.random() - 1)), undefined, { signal });
  }
}

/** The wait before the next attempt. Okta accepts only an integer in `Retry-After`. */
export const retryWaitMs = (header: string | undefined, attempt: number): number =>
  header !== undefined && /^\d+$/.test(header) ? Number(header) * 1000 : DEFAULT_WAIT_MS * 2 ** (attempt - 1);

const reason = (status: number): string => STATUS_CODES[status] ?? `HTTP ${status}`;

function parse(answer: Answer, doing: string): Json | undefined {
  if (answer.text === '') return undefined;
  const value = readJson(answer.text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new ProvisioningFailure(
    `${doing}: ${value === undefined ? invalidJson(answer.text) : 'Invalid JSON: an object was expected'}`,
  );
}

function remoteDetail(answer: Answer): string {
  if (answer.text === '') return '';
  const value = readJson(answer.text);
  if (value === undefined) return invalidJson(answer.text);
  const detail = typeof value === 'object' && value !== null ? (value as Json).detail : undefined;
  return typeof detail === 'string' ? detail : answer.text.slice(0, 500);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Okta parses every answer with the library Jackson, even a proxy's error page. It shows Jackson's error message. */
const invalidJson = (text: string): string =>
  `Invalid JSON: Unrecognized token '${(/^\s*([^\s,:;"'{}[\]()]+)/.exec(text)?.[1] ?? text.trim().charAt(0)).slice(0, 60)}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')`;

/** If the server sends a number as a string, Okta stops without a message. */
export function resources(answer: ScimAnswer): { items: Json[]; total: number } {
  if (answer.status === 404 || !answer.body) return { items: [], total: 0 };
  const { totalResults = 0, startIndex = 1, itemsPerPage = 0, Resources = [] } = answer.body;
  if ([totalResults, startIndex, itemsPerPage].some((n) => typeof n !== 'number')) throw new SilentStop();
  return { items: Array.isArray(Resources) ? (Resources as Json[]) : [], total: totalResults as number };
}

export function idOf(body: Json | undefined, doing: string): string {
  if (typeof body?.id === 'string' && body.id !== '') return body.id;
  throw new ProvisioningFailure(`${doing}: the answer has no id`);
}
