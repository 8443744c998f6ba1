/** The receiver of an event hook. Keeps the requests and answers as the test says. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

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

  private constructor(private readonly server: http.Server) {}

  static async start(): Promise<HookReceiver> {
    const server = http.createServer();
    const receiver = new HookReceiver(server);
    server.on('request', (request, response) => void receiver.handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/auth/okta/event-hook/default`;
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

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString('utf8');
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
