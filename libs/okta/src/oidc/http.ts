/**
 * Sends requests to a provider. Requests are limited in time and size, follow no redirects, and go to public addresses
 * only.
 */
import http from 'node:http';
import https from 'node:https';
import { OidcError } from './errors.js';
import { publicLookup } from './private-address.js';

export interface ProviderRequest {
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ProviderAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const MAX_BYTES = 256 * 1024;

export class ProviderHttp {
  private readonly agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new https.Agent({ keepAlive: true }),
  };
  private readonly lookup = publicLookup();

  /**
   * `trusted` is true if the operator configured the provider's address (development). Otherwise only https to public
   * addresses is allowed.
   */
  constructor(
    private readonly trusted: boolean,
    private readonly timeoutMs: number,
  ) {}

  /**
   * Throws `provider_unavailable` if there is no complete response, and `provider_invalid` if the response is a
   * redirect or too large.
   */
  async send(url: URL, request: ProviderRequest): Promise<ProviderAnswer> {
    const where = `${request.method} ${url.origin}${url.pathname}`;
    if (url.protocol !== 'https:' && !(this.trusted && url.protocol === 'http:'))
      throw new OidcError('provider_invalid', `${where} is not allowed. Only https is allowed.`);
    const answer = await this.exchange(url, request).catch((error: unknown) => {
      if (error instanceof OidcError) throw error;
      const reason = error instanceof Error ? error.message || error.name : String(error);
      throw new OidcError('provider_unavailable', `${where} gave no answer (${reason}).`, { cause: error });
    });
    // Refuse redirects: following one would send the code and the client secret to another address.
    if (answer.status >= 300 && answer.status < 400)
      throw new OidcError('provider_invalid', `${where} redirects. Redirects are not followed.`);
    if (answer.status >= 500 || answer.status === 429)
      throw new OidcError('provider_unavailable', `${where} answered ${answer.status}.`);
    return answer;
  }

  close(): void {
    this.agents['http:'].destroy();
    this.agents['https:'].destroy();
  }

  private exchange(url: URL, { method, headers, body }: ProviderRequest): Promise<ProviderAnswer> {
    const { request } = url.protocol === 'https:' ? https : http;
    const options: https.RequestOptions = {
      method,
      agent: url.protocol === 'https:' ? this.agents['https:'] : this.agents['http:'],
      headers: {
        accept: 'application/json',
        'user-agent': 'StackFlow',
        ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
      ...(!this.trusted && { lookup: this.lookup }),
      signal: AbortSignal.timeout(this.timeoutMs),
    };
    return new Promise((resolve, reject) => {
      const sent = request(url, options, (answer) => void read(answer).then(resolve, reject));
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

async function read(answer: http.IncomingMessage): Promise<ProviderAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) {
      answer.destroy();
      throw new OidcError('provider_invalid', `The provider's response is larger than ${MAX_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  const contentType = (answer.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return { status: answer.statusCode ?? 0, contentType, body: Buffer.concat(chunks).toString('utf8') };
}
