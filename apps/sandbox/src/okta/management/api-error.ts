/** Errors of Okta's Management API that a read-only client can get. */
import { oktaId } from '../model.js';

/** Status and summary of each error code, from Okta's list of error codes. */
const KNOWN = {
  E0000001: [400, 'Api validation failed: {}'],
  E0000005: [401, 'Invalid session'],
  E0000006: [403, 'You do not have permission to perform the requested action'],
  E0000007: [404, 'Not found: Resource not found: {}'],
  E0000009: [500, 'Internal Server Error'],
  E0000011: [401, 'Invalid token provided'],
  E0000022: [405, 'The endpoint does not support the provided HTTP method'],
  E0000031: [400, 'Invalid search criteria.'],
  E0000047: [429, 'API call exceeded rate limit due to too many requests.'],
} as const satisfies Record<string, readonly [number, string]>;
export type ErrorCode = keyof typeof KNOWN;

export class ApiError extends Error {
  readonly status: number;

  /** `about` replaces `{}` in the summary of the error. Only an injected fault sets `status`. */
  constructor(
    readonly code: ErrorCode,
    about = '',
    status?: number,
  ) {
    super(KNOWN[code][1].replace('{}', about));
    this.name = 'ApiError';
    this.status = status ?? KNOWN[code][0];
  }

  get body(): object {
    const causes = this.code === 'E0000001' ? [{ errorSummary: this.message }] : [];
    return {
      errorCode: this.code,
      errorSummary: this.message,
      errorLink: this.code,
      errorId: oktaId('oae'),
      errorCauses: causes,
    };
  }
}
