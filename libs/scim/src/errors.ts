const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** The codes of RFC 7644 table 9. */
export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'invalidVers'
  | 'sensitive';

/** RFC 7644 table 9. */
const statusOf = (scimType: ScimType): number =>
  scimType === 'uniqueness' ? 409 : scimType === 'sensitive' ? 403 : 400;

export interface ErrorBody {
  readonly schemas: readonly [typeof ERROR_SCHEMA];
  /** The status as a string, because Okta's test suite compares it with "401" and "404". */
  readonly status: string;
  readonly scimType?: ScimType;
  /** A text that says what to fix. Okta shows it to the administrator. */
  readonly detail: string;
}

/** The only error that this library throws (RFC 7644 section 3.12). */
export class ScimError extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly options: { readonly scimType?: ScimType; readonly retryAfterSeconds?: number } = {},
  ) {
    super(detail);
    this.name = 'ScimError';
  }

  /** Creates an error whose status follows from its code. */
  static of(scimType: ScimType, detail: string): ScimError {
    return new ScimError(statusOf(scimType), detail, { scimType });
  }

  body(): ErrorBody {
    const { scimType } = this.options;
    return { schemas: [ERROR_SCHEMA], status: String(this.status), ...(scimType && { scimType }), detail: this.detail };
  }
}

/** Makes a value of a request safe and short enough for a `detail`. */
export function quote(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  const text = String(value);
  const clean = text.replace(/[\p{Control}\p{Surrogate}]/gu, '?');
  return `"${clean.length > 80 ? `${clean.slice(0, 80)}...` : clean}"`;
}
