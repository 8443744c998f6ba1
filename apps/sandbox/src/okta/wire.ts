/** Sends HTTP requests as Okta's SCIM client does. */
import http from 'node:http';
import https from 'node:https';
import { gunzipSync, inflateSync } from 'node:zlib';
import type { OktaApp } from './model.js';

/** Okta closes a connection after this time without data. */
export const SOCKET_TIMEOUT_MS = 60_000;

/** One request and its answer, without bodies and credentials. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  /** Status of the answer, or null if no answer came. */
  readonly status: number | null;
  readonly error: string | null;
  readonly ms: number;
  /** Start and end of the exchange, in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** The server's own id of the request, from its answer. */
  readonly requestId: string | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

export const createAgents = (): Agents => ({
  http: new http.Agent({ keepAlive: true, maxSockets: 64 }),
  https: new https.Agent({ keepAlive: true, maxSockets: 64 }),
});

function headersFor(app: OktaApp, body: string | undefined): Record<string, string> {
  return {
    Accept: 'application/scim+json',
    'Accept-Charset': 'utf-8',
    'User-Agent': 'Okta SCIM Client 1.0.0',
    'Accept-Encoding': 'gzip,deflate',
    Authorization: app.authStyle === 'bearer' ? `Bearer ${app.token}` : app.token,
    ...(body === undefined
      ? {}
      : { 'Content-Type': 'application/scim+json; charset=utf-8', 'Content-Length': String(Buffer.byteLength(body)) }),
    Connection: 'Keep-Alive',
  };
}

/** Sends a request. If no complete answer comes, `answer` is null and `record.error` says why. */
export async function exchange(
  agents: Agents,
  app: OktaApp,
  method: string,
  path: string,
  body: string | undefined,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<{ answer: Answer | null; record: Exchange }> {
  const url = app.scimBaseUrl.replace(/\/$/, '') + path;
  const startedAt = Date.now();
  let answer: Answer | null = null;
  let error: string | null = null;
  try {
    answer = await request(agents, url, method, headersFor(app, body), body, options);
  } catch (failure) {
    error = failure instanceof Error ? failure.message || failure.name : String(failure);
  }
  const endedAt = Date.now();
  const named = answer?.headers['x-request-id'] ?? answer?.headers['request-id'];
  const requestId = typeof named === 'string' ? named : null;
  const times = { ms: endedAt - startedAt, startedAt, endedAt };
  return { answer, record: { method, url, status: answer?.status ?? null, error, ...times, requestId } };
}

function request(
  agents: Agents,
  url: string,
  method: string,
  headers: Record<string, string>,
  body: string | undefined,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<Answer> {
  const secure = url.startsWith('https:');
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? https : http).request(
      url,
      { method, headers, agent: secure ? agents.https : agents.http, signal: options.signal },
      (incoming) => {
        const parts: Buffer[] = [];
        incoming.on('data', (part: Buffer) => parts.push(part));
        incoming.on('error', reject);
        incoming.on('end', () => {
          try {
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              text: decode(Buffer.concat(parts), incoming.headers['content-encoding']),
            });
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      },
    );
    outgoing.setTimeout(options.timeoutMs, () => outgoing.destroy(new Error('Read timed out')));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function decode(body: Buffer, encoding: string | undefined): string {
  if (body.length === 0) return '';
  if (encoding === 'gzip') return gunzipSync(body).toString('utf8');
  if (encoding === 'deflate') return inflateSync(body).toString('utf8');
  return body.toString('utf8');
}
