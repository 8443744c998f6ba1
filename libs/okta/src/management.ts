/**
 * Client for the part of Okta's Management API that we read, with one instance per tenant. It repeats only requests
 * that Okta refused because of its rate limit.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { inSpan, SpanKind, type Metrics } from '#platform';
import { z } from 'zod';
import { isOktaId, nextPage, originOf } from './address.js';
import { OktaError, refusal } from './errors.js';
import { parseJson } from './json.js';
import { readRate, waitMs, type RateState } from './rate.js';
import { get, type Answer } from './request.js';
import { errorCodeIn, oktaAppUser, oktaUser, type OktaAppUser, type OktaUser } from './resources.js';

export interface OktaManagementOptions {
  /** E.g. `acme.okta.com`. */
  readonly domain: string;
  /** Address to use instead of `https://<domain>` (`OKTA_ENDPOINT`). */
  readonly endpoint?: string | undefined;
  readonly apiToken: string;
  readonly metrics: Metrics;
  /** Time limit of one request, from sending to the last byte. */
  readonly timeoutMs?: number;
  readonly maxBodyBytes?: number;
  /**
   * Longest wait for the rate limit; a request that would wait longer fails as `rate_limited`. A window of Okta's rate
   * limit lasts one minute.
   */
  readonly maxWaitMs?: number;
  readonly signal?: AbortSignal;
}

export interface UserQuery {
  /** Okta's filter, e.g. `status eq "SUSPENDED"`. Without a filter, Okta does not return deprovisioned users. */
  readonly filter?: string;
}

type Operation = 'user' | 'users' | 'appUser' | 'appUsers' | 'me';

const USERS_LIMIT = 200;
const APP_USERS_LIMIT = 500;
const ATTEMPTS = 3;
const TOKEN = /^[\x21-\x7e]{1,512}$/;

export class OktaManagement {
  /** A `#` field, so that logging or serialising an instance does not show the token. */
  readonly #authorization: string;
  private readonly origin: string;
  private readonly bounds;
  private readonly rates = new Map<Operation, RateState>();
  private readonly calls;

  /** Throws `invalid_domain` for a wrong domain, and `unauthorized` if `apiToken` cannot be a token. */
  constructor({ apiToken, metrics, ...options }: OktaManagementOptions) {
    this.origin = originOf(options.domain, options.endpoint);
    // Check the token here, because the error message of `fetch` would quote it.
    if (!TOKEN.test(apiToken))
      throw new OktaError('unauthorized', 'The Okta API token is empty or contains characters that no token has.');
    this.#authorization = `SSWS ${apiToken}`;
    this.bounds = {
      timeoutMs: options.timeoutMs ?? 10_000,
      maxBodyBytes: options.maxBodyBytes ?? 16 * 1024 * 1024,
      maxWaitMs: options.maxWaitMs ?? 90_000,
      signal: options.signal ?? new AbortController().signal,
    };
    this.calls = metrics.counter('okta_calls_total', 'Calls to the Okta Management API', ['operation', 'outcome']);
  }

  /**
   * `GET /api/v1/users/{id}`. Resolves with null only if Okta itself says that there is no such user. If `id` is no
   * Okta id, throws `not_found` without a request, so that the caller does not take the person for deleted.
   */
  async user(id: string): Promise<OktaUser | null> {
    if (!isOktaId(id)) throw new OktaError('not_found', 'This is not the id of an Okta user (20 letters and digits).');
    return this.find('user', `users/${id}`, id, oktaUser);
  }

  /** `GET /api/v1/users/me`: returns the owner of the token. Every valid token may read its owner. */
  async me(): Promise<OktaUser> {
    return parse('me', oktaUser, await this.request('me', this.url('users/me')));
  }

  /**
   * `GET /api/v1/users`. Reads each page when the caller needs it, and waits when only the reserve of the rate limit is
   * left (see rate.ts).
   */
  users(query: UserQuery = {}): AsyncIterable<OktaUser> {
    const url = this.url('users', { limit: String(USERS_LIMIT) });
    if (query.filter !== undefined) url.searchParams.set('filter', query.filter);
    return this.list('users', url, oktaUser);
  }

  /**
   * `GET /api/v1/apps/{appId}/users`: lists the users of the app, page by page like {@link users}. Throws `not_found`
   * if there is no such app.
   */
  async *appUsers(appId: string): AsyncIterable<OktaAppUser> {
    if (!isOktaId(appId))
      throw new OktaError('not_found', 'This is not the id of an Okta app (20 letters and digits).');
    const url = this.url(`apps/${appId}/users`, { limit: String(APP_USERS_LIMIT) });
    yield* this.list('appUsers', url, oktaAppUser);
  }

  /**
   * `GET /api/v1/apps/{appId}/users/{id}`. Resolves with null if the app is not assigned to the person. Okta answers
   * the same 404 if there is no such app, so the app is then read too, and its absence throws `not_found`.
   */
  async appUser(appId: string, id: string): Promise<OktaAppUser | null> {
    if (!isOktaId(appId) || !isOktaId(id))
      throw new OktaError(
        'not_found',
        'These are not the ids of an Okta app and an Okta user (20 letters and digits).',
      );
    const found = await this.find('appUser', `apps/${appId}/users/${id}`, id, oktaAppUser);
    if (found === null) await this.request('appUsers', this.url(`apps/${appId}/users`, { limit: '1' }));
    return found;
  }

  private async find<T extends { readonly id: string }>(
    operation: Operation,
    path: string,
    id: string,
    shape: z.ZodType<T>,
  ): Promise<T | null> {
    try {
      const found = parse(operation, shape, await this.request(operation, this.url(path)));
      // Okta also accepts a login in place of the id, so the response must contain the requested id.
      if (found.id === id) return found;
    } catch (error) {
      if (error instanceof OktaError && error.code === 'not_found') return null;
      throw error;
    }
    throw new OktaError('invalid_answer', 'Okta returned another user than the requested one.');
  }

  private async *list<T>(operation: Operation, first: URL, shape: z.ZodType<T>): AsyncIterable<T> {
    const seen = new Set<string>();
    for (let url: URL | null = first; url;) {
      if (seen.has(url.href))
        throw new OktaError('invalid_answer', `Okta's pages link to each other in a circle (${operation}).`);
      seen.add(url.href);
      const answer: Answer = await this.request(operation, url, true);
      yield* parse(operation, z.array(shape), answer);
      url = nextPage(answer.headers.get('link'), url);
    }
  }

  private url(path: string, query: Readonly<Record<string, string>> = {}): URL {
    const url = new URL(`/api/v1/${path}`, this.origin);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  /**
   * Resolves with a 2xx response. If Okta refuses the request because of its rate limit, repeats it when the next
   * window begins.
   */
  private async request(operation: Operation, url: URL, bulk = false): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      await this.waitForRate(operation, bulk);
      const answer = await this.send(operation, url);
      if (answer.status >= 200 && answer.status < 300) return answer;
      if (answer.status !== 429) throw refusal(operation, answer.status, errorCodeIn(answer.body));
      if (attempt === ATTEMPTS) throw this.limited(operation, waitMs(this.rates.get(operation), bulk, Date.now()));
    }
  }

  private async send(operation: Operation, url: URL): Promise<Answer> {
    const attributes = { 'http.request.method': 'GET', 'server.address': url.host, 'okta.operation': operation };
    let outcome = 'failed';
    try {
      const answer = await inSpan(`okta ${operation}`, { kind: SpanKind.CLIENT, attributes }, () =>
        get(operation, url, { ...this.bounds, authorization: this.#authorization }),
      );
      outcome = String(answer.status);
      const rate = readRate(answer.headers, answer.status, Date.now());
      if (rate) this.rates.set(operation, rate);
      return answer;
    } catch (error) {
      if (error instanceof OktaError) outcome = error.code;
      throw error;
    } finally {
      this.calls.inc({ operation, outcome });
    }
  }

  private async waitForRate(operation: Operation, bulk: boolean): Promise<void> {
    const { maxWaitMs, signal } = this.bounds;
    for (;;) {
      const wait = waitMs(this.rates.get(operation), bulk, Date.now());
      if (wait === 0) return;
      if (wait > maxWaitMs) throw this.limited(operation, wait);
      await sleep(wait, undefined, { signal }).catch((cause: unknown) => {
        throw new OktaError('unavailable', `Okta was not called (${operation}): the service is stopping.`, { cause });
      });
    }
  }

  private limited(operation: Operation, retryAfterMs: number): OktaError {
    const seconds = Math.ceil(retryAfterMs / 1000);
    const message = `Okta's rate limit is used up (${operation}). The next window begins in ${seconds} s.`;
    return new OktaError('rate_limited', message, { status: 429, retryAfterMs });
  }
}

/** Parses Okta's response. The error names the wrong attribute, but never its value. */
function parse<T>(operation: Operation, shape: z.ZodType<T>, { body, status }: Answer): T {
  const json = parseJson(body);
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') ?? '';
  const what = json === undefined ? 'not JSON' : where === '' ? 'of another form' : `wrong at "${where}"`;
  throw new OktaError('invalid_answer', `Okta's response is ${what} (${operation}). Check the domain of the org.`, {
    status,
  });
}
