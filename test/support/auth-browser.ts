/** A browser as far as a login needs one: cookies per origin, `Secure` and `__Host-` obeyed, no redirect followed by itself. */
import { request as send } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly body: string;
}

export class Browser {
  readonly cookies = new Map<string, string>();

  /** `service` is where it connects, `origin` what stands in its address bar. */
  constructor(
    private readonly service: string,
    readonly origin = 'http://localhost:8080',
  ) {}

  async get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.request('GET', path, headers);
  }

  /** As a script of our own page would. */
  async post(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.request('POST', path, { origin: this.origin, 'sec-fetch-site': 'same-origin', ...headers });
  }

  /** Without what a browser says about the page that asks. */
  request(method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const { hostname, port } = new URL(this.service);
    // Not fetch: it forbids setting Host.
    const options = {
      method,
      hostname,
      port,
      path,
      headers: { host: new URL(this.origin).host, ...(cookie && { cookie }), ...headers },
    };
    return new Promise((resolve, reject) => {
      const sent = send(options, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const cookies = answer.headers['set-cookie'] ?? [];
          for (const line of cookies) this.keep(line);
          const plain = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
          resolve({
            status: answer.statusCode ?? 0,
            headers: Object.fromEntries(plain) as Record<string, string>,
            cookies,
            body: Buffer.concat(chunks).toString(),
          });
        });
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  private keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const [name = '', value = ''] = pair.split('=');
    const has = (attribute: string): boolean => attributes.some((a) => a.toLowerCase() === attribute);
    // RFC 6265bis section 4.1.3.2: otherwise the browser drops it.
    const allowed = has('secure') && has('path=/') && !attributes.some((a) => /^domain/i.test(a));
    if (name.startsWith('__Host-') && !allowed) return;
    if (has('max-age=0')) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}
