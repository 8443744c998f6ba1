/**
 * A keep-alive HTTP/1.1 connection that carries one request at a time, as cheaply as Node allows. On two cores, an
 * expensive load generator would slow the server that it measures. The connection reads only answers with a
 * Content-Length and fails on all others.
 */
import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export interface Target {
  /** Base URL, for instance of the SCIM API. */
  readonly url: string;
  readonly token: string;
  /** Authentication scheme. SCIM's scheme, Bearer, is the default. */
  readonly scheme?: 'Bearer' | 'Basic';
  readonly contentType?: string;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

const HEAD_END = '\r\n\r\n';
const ANSWER_LIMIT_MS = 30_000;

export class Connection {
  private received: Buffer = Buffer.alloc(0);
  private waiting: Waiting | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly base: string,
    private readonly headers: string,
    private readonly contentType: string,
  ) {
    socket.setNoDelay(true);
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy(new Error(`no answer within ${ANSWER_LIMIT_MS / 1000} s`)));
    socket.on('data', (chunk) => this.take(chunk));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('the server closed the connection')));
  }

  static async open({
    url,
    token,
    scheme = 'Bearer',
    contentType = 'application/scim+json',
  }: Target): Promise<Connection> {
    const { hostname, port, pathname, host } = new URL(url);
    if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
      throw new Error(`the load generator sends to this machine only, not to ${hostname}`);
    const socket = connect({ host: hostname, port: Number(port) });
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new Connection(
      socket,
      pathname,
      `host: ${host}\r\nauthorization: ${scheme} ${token}\r\naccept: application/scim+json, application/json\r\n`,
      contentType,
    );
  }

  send(method: string, path: string, body?: string): Promise<Answer> {
    if (this.waiting) throw new Error('this connection carries one request at a time');
    const content =
      body === undefined ? '' : `content-type: ${this.contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.socket.write(`${method} ${this.base}${path} HTTP/1.1\r\n${this.headers}${content}\r\n${body ?? ''}`);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    const end = this.received.indexOf(HEAD_END);
    if (end < 0) return;
    const head = this.received.toString('latin1', 0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) return void this.socket.destroy(new Error(`an answer without Content-Length: ${head}`));
    const from = end + HEAD_END.length;
    const to = from + Number(length);
    if (this.received.length < to) return;
    const answer = { status: Number(head.slice(9, 12)), body: this.received.subarray(from, to) };
    this.received = this.received.subarray(to);
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.resolve(answer);
  }

  private fail(error: Error): void {
    this.waiting?.reject(error);
    this.waiting = undefined;
  }
}
