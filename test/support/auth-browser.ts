/** A browser for logins: it stores cookies, respects `Secure` and `__Host-`, and follows no redirect. */
import { request as send } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly body: string;
}

export class Browser {
  readonly cookies = new Map<string, string>();

  /** It connects to `service` and sends the Host of `origin`. */
  constructor(
    private readonly service: string,
    readonly origin = 'http://localhost:8080',
  ) {}

  async get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.request('GET', path, headers);
  }

  /** Like a script of our own page. */
  async post(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.request('POST', path, { origin: this.origin, 'sec-fetch-site': 'same-origin', ...headers });
  }

  /** Without headers about the page that sends the request. */
  request(method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const { hostname, port } = new URL(this.service);
    // Without fetch, which forbids setting Host.
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
    // RFC 6265bis section 4.1.3.2: browsers drop other cookies with this prefix.
    const allowed = has('secure') && has('path=/') && !attributes.some((a) => /^domain/i.test(a));
    if (name.startsWith('__Host-') && !allowed) return;
    if (has('max-age=0')) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}
