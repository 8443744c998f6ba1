/** Sends a request of an event hook as Okta does: it waits 3 s, and repeats once if no answer or a 5xx came. */
import { isNativeError } from 'node:util/types';

/** "If a response is not received within 3 seconds, the outbound request times out" (Okta, event hooks). */
const TIMEOUT_MS = 3_000;
const ATTEMPTS = 2;
/** Longer answers are cut. Only the short answer to the verification of the endpoint is read. */
const MAX_ANSWER_CHARACTERS = 4_096;

export interface Attempt {
  /** Status of the answer, or null if no answer came. */
  readonly status: number | null;
  readonly error: string | null;
  /** Start and end of the attempt, in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface Sent {
  readonly attempts: readonly Attempt[];
  /** True if the status was 2xx. Okta's documentation asks for 200 or 204, but Okta accepts any 2xx. */
  readonly ok: boolean;
  readonly text: string;
}

export interface HookRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export async function send(request: HookRequest, stopping: AbortSignal): Promise<Sent> {
  const attempts: Attempt[] = [];
  for (let left = ATTEMPTS; ; left--) {
    const { attempt, text } = await once(request, stopping);
    attempts.push(attempt);
    const { status } = attempt;
    const ok = status !== null && status >= 200 && status < 300;
    const final = ok || (status !== null && status < 500);
    if (final || left === 1 || stopping.aborted) return { attempts, ok, text };
  }
}

/** Makes one attempt. Never rejects: `attempt.error` contains the reason for a failure. */
export async function once(
  request: HookRequest,
  stopping: AbortSignal,
  timeoutMs = TIMEOUT_MS,
): Promise<{ attempt: Attempt; text: string }> {
  const startedAt = Date.now();
  const { method, url, body } = request;
  try {
    const answer = await fetch(url, {
      method,
      headers: { accept: 'application/json', 'content-type': 'application/json', ...request.headers },
      ...(body !== undefined && { body }),
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), stopping]),
    });
    const text = (await answer.text()).slice(0, MAX_ANSWER_CHARACTERS);
    return { attempt: { status: answer.status, error: null, startedAt, endedAt: Date.now() }, text };
  } catch (error) {
    return { attempt: { status: null, error: reason(error, timeoutMs), startedAt, endedAt: Date.now() }, text: '' };
  }
}

/**
 * Returns the reason for a failure. The error of `fetch` only says "fetch failed", but its cause contains the reason.
 */
function reason(error: unknown, timeoutMs: number): string {
  if (!isNativeError(error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  return isNativeError(error.cause) ? error.cause.message || error.cause.name : error.message;
}
