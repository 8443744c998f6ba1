/** Import only types from files with DTO classes. Their decorators would slow down the start of a command line. */
import type { ProblemBody, ProblemCode, ProblemParameters } from './problem.js';

/** The type of a response: JSON has turned dates into text. */
export type Json<T> = T extends Date
  ? string
  : T extends readonly (infer E)[]
    ? Json<E>[]
    : T extends object
      ? { [K in keyof T]: Json<T[K]> }
      : T;

/** The service refused the request. */
export class ApiProblem extends Error {
  constructor(
    readonly service: string,
    readonly status: number,
    /** Null means that the response was not a problem document, for example because a proxy sent it. */
    readonly code: ProblemCode | null,
    detail: string,
    readonly parameters: ProblemParameters = {},
  ) {
    super(detail);
    this.name = 'ApiProblem';
  }
}

/** The service did not answer: it is down, unreachable or too slow. */
export class ServiceUnreachable extends Error {
  constructor(
    readonly service: string,
    readonly url: string,
    options?: ErrorOptions,
  ) {
    super(`${service} does not answer at ${url}.`, options);
    this.name = 'ServiceUnreachable';
  }
}

export interface InternalClientOptions {
  readonly service: string;
  readonly url: string;
  readonly token: string;
  /** Time limit of a call; 15 seconds by default. */
  readonly timeoutMs?: number;
}

type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

export class InternalClient {
  constructor(private readonly options: InternalClientOptions) {}

  get service(): string {
    return this.options.service;
  }

  /** Resolves with the parsed body. Rejects only with {@link ApiProblem} or {@link ServiceUnreachable}. */
  async call<T>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    { query = {}, body }: { readonly query?: Query; readonly body?: unknown } = {},
  ): Promise<T> {
    const response = await this.send(method, `${path}${queryString(query)}`, body);
    const text = await response.text().catch(() => '');
    const answer = parseJson(text);
    if (response.ok) return answer as T;
    const problem = (answer ?? {}) as Partial<ProblemBody>;
    const said = problem.detail ?? text.slice(0, 200);
    throw new ApiProblem(
      this.service,
      response.status,
      problem.code ?? null,
      problem.code ? said : `${this.service} answered ${response.status}${said === '' ? '.' : `: ${said}`}`,
      problem.parameters,
    );
  }

  private async send(method: string, path: string, body: unknown): Promise<Response> {
    const { service, url, token, timeoutMs = 15_000 } = this.options;
    const origin = url.replace(/\/+$/, '');
    try {
      return await fetch(`${origin}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      throw new ServiceUnreachable(service, origin, { cause: error });
    }
  }
}

/** Returns for example `?a=1&b=2`. Leaves out undefined and null; returns empty text if no value is left. */
export function queryString(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== null) parameters.set(name, String(value));
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

/** Returns null if the text is not JSON, for example the error page of a proxy. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
