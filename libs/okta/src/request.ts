import { isNativeError } from 'node:util/types';
import { OktaError } from './errors.js';

export interface GetOptions {
  readonly authorization: string;
  /** Time limit, from sending to the last byte. */
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/**
 * Sends one GET request to Okta, limited in time and size. Follows no redirect and sends the token in one header only.
 * Throws `unavailable` if there is no complete response, and `invalid_answer` if the response is too large or a
 * redirect.
 */
export async function get(operation: string, url: URL, options: GetOptions): Promise<Answer> {
  const signal = AbortSignal.any([AbortSignal.timeout(options.timeoutMs), options.signal]);
  const headers = { authorization: options.authorization, accept: 'application/json', 'user-agent': 'StackFlow' };
  try {
    const answer = await fetch(url, { headers, redirect: 'manual', signal });
    const body = await read(answer, options.maxBodyBytes, operation);
    const { status } = answer;
    // Following the redirect would send the token to any address that the response names.
    if (status >= 300 && status < 400)
      throw new OktaError(
        'invalid_answer',
        `Okta answered with a redirect (${operation}: ${status}), which was not followed. Check the domain of the org.`,
        { status },
      );
    return { status, headers: answer.headers, body };
  } catch (error) {
    if (error instanceof OktaError) throw error;
    throw new OktaError('unavailable', `Okta gave no answer (${operation}: ${reason(error, options)}).`, {
      cause: error,
    });
  }
}

async function read(answer: Response, maxBytes: number, operation: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  // Leaving the loop early cancels the stream and closes the connection.
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes)
      throw new OktaError('invalid_answer', `Okta's response is larger than ${maxBytes} bytes (${operation}).`, {
        status: answer.status,
      });
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The message of `fetch` is only "fetch failed"; the error's cause contains the reason. */
function reason(error: unknown, { signal, timeoutMs }: GetOptions): string {
  if (signal.aborted) return 'the service is stopping';
  if (!isNativeError(error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  return isNativeError(error.cause) ? error.cause.message || error.cause.name : error.message;
}
