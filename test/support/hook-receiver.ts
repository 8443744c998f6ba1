/** The receiver of an event hook. Keeps the requests and answers as the test says. */
import type http from 'node:http';
import { serveHttp, type TestServer } from './http-server.js';

export interface HookEvent {
  readonly uuid: string;
  readonly published: string;
  readonly eventType: string;
  readonly target: readonly { readonly id: string; readonly type: string; readonly alternateId: string }[];
}
export interface HookRequest {
  readonly method: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: { readonly eventId: string; readonly data: { readonly events: readonly HookEvent[] } };
}

export class HookReceiver {
  readonly requests: HookRequest[] = [];
  /** Status of the next answers; null = no answer. */
  readonly answers: (number | null)[] = [];
  /** Answer to the verification; null = the challenge, which is the right one. */
  verification: string | null = null;

  private server!: TestServer;

  static async start(): Promise<HookReceiver> {
    const receiver = new HookReceiver();
    receiver.server = await serveHttp((request, response, text) => receiver.handle(request, response, text));
    return receiver;
  }

  get url(): string {
    return `${this.server.origin}/auth/okta/event-hook/default`;
  }

  get events(): readonly HookEvent[] {
    return this.requests.flatMap((r) => (r.method === 'POST' ? r.body.data.events : []));
  }

  get types(): readonly string[] {
    return this.events.map((e) => e.eventType);
  }

  clear(): void {
    this.requests.length = 0;
    this.answers.length = 0;
    this.verification = null;
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  private handle(request: http.IncomingMessage, response: http.ServerResponse, text: string): void {
    const { method = '', headers } = request;
    const body = (text === '' ? { eventId: '', data: { events: [] } } : JSON.parse(text)) as HookRequest['body'];
    this.requests.push({ method, headers, body });
    const status = this.answers.length > 0 ? this.answers.shift() : 200;
    if (status === null) return;
    const challenge = this.verification ?? headers['x-okta-verification-challenge'];
    const answer = method === 'GET' ? JSON.stringify({ verification: challenge }) : '';
    response.writeHead(status ?? 200, { 'content-type': 'application/json' }).end(answer);
  }
}
