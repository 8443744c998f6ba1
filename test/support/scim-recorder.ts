/** A small SCIM server. It records every request and answers as the test says, or as a SCIM server would. */
import { randomUUID } from 'node:crypto';
import type http from 'node:http';
import { gzipSync } from 'node:zlib';
import { serveHttp, type TestServer } from './http-server.js';

type Json = Record<string, unknown>;
export interface Recorded {
  readonly method: string;
  /** Path and query as sent, without the base path. */
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  readonly body: Json | undefined;
}
export interface Canned {
  readonly status: number;
  readonly body?: string | Json;
  readonly headers?: Record<string, string>;
}

const BASE = '/prod/api/scim/v2';
const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

export class ScimRecorder {
  readonly requests: Recorded[] = [];
  readonly resources = { Users: new Map<string, Json>(), Groups: new Map<string, Json>() };
  /** Answers for the next requests; they replace the server's own. */
  readonly canned: Canned[] = [];
  gzip = false;

  private server!: TestServer;

  static async start(): Promise<ScimRecorder> {
    const recorder = new ScimRecorder();
    recorder.server = await serveHttp((request, response, text) => recorder.handle(request, response, text));
    return recorder;
  }

  get baseUrl(): string {
    return `${this.server.origin}${BASE}`;
  }

  /** `GET /Users?...` lines, ids replaced by `{id}`. */
  get lines(): string[] {
    return this.requests.map(
      (r) => `${r.method} ${decodeURIComponent(r.path).replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '{id}')}`,
    );
  }

  bodies(method: string): Json[] {
    return this.requests.filter((r) => r.method === method).map((r) => r.body ?? {});
  }

  clear(): void {
    this.requests.length = 0;
    this.canned.length = 0;
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  private handle(request: http.IncomingMessage, response: http.ServerResponse, text: string): void {
    const path = (request.url ?? '').slice(BASE.length);
    const body = text === '' ? undefined : (JSON.parse(text) as Json);
    this.requests.push({
      method: request.method ?? '',
      path,
      rawHeaders: request.rawHeaders,
      headers: request.headers,
      text,
      body,
    });
    const answer = this.canned.shift() ?? this.answer(request.method ?? '', path, body);
    const content =
      answer.body === undefined ? '' : typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    const packed = this.gzip && content !== '' ? gzipSync(content) : Buffer.from(content);
    response.writeHead(answer.status, {
      'content-type': 'application/scim+json',
      'x-request-id': randomUUID(),
      ...(this.gzip && content !== '' ? { 'content-encoding': 'gzip' } : {}),
      ...answer.headers,
    });
    response.end(packed);
  }

  private answer(method: string, path: string, body: Json | undefined): Canned {
    const [resourcePath = '', query = ''] = path.split('?');
    const [, kind = '', id] = resourcePath.split('/');
    const store = this.resources[kind as 'Users' | 'Groups'];
    if (id === undefined && method === 'GET')
      return { status: 200, body: this.list(store, new URLSearchParams(query)) };
    if (id === undefined) return { status: 201, body: this.save(store, kind, randomUUID(), body ?? {}) };
    const known = store.get(id);
    if (!known)
      return {
        status: 404,
        body: { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '404', detail: `no ${id}` },
      };
    if (method === 'DELETE') store.delete(id);
    if (method === 'PUT') this.save(store, kind, id, body ?? {});
    return method === 'GET' || method === 'PUT' ? { status: 200, body: store.get(id) ?? {} } : { status: 204 };
  }

  private list(store: Map<string, Json>, query: URLSearchParams): Json {
    const [, attribute, value] = /^(\w+) eq (".*")$/.exec(query.get('filter') ?? '') ?? [];
    const all = [...store.values()].filter(
      (r) => attribute === undefined || r[attribute] === JSON.parse(value ?? '""'),
    );
    const start = Number(query.get('startIndex') ?? 1);
    const page = all.slice(start - 1, start - 1 + Number(query.get('count') ?? 100));
    return { schemas: [LIST], totalResults: all.length, startIndex: start, itemsPerPage: page.length, Resources: page };
  }

  private save(store: Map<string, Json>, kind: string, id: string, body: Json): Json {
    const { password: _password, ...rest } = body;
    const resource = {
      ...rest,
      id,
      meta: { resourceType: kind.slice(0, -1), location: `${this.baseUrl}/${kind}/${id}` },
    };
    store.set(id, resource);
    return resource;
  }
}
