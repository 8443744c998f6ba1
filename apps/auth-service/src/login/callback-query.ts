/** Parses the parameters of Okta's redirect (RFC 6749 section 4.1.2, RFC 9207). Pure functions only. */
export interface CallbackQuery {
  readonly state: string;
  readonly iss: string | undefined;
  /** Exactly one of `code` and `error` is present. */
  readonly code: string | undefined;
  readonly error: string | undefined;
}

const LIMITS = { state: 2_048, code: 4_096, iss: 512, error: 128 } as const;
type Name = keyof typeof LIMITS;

/**
 * Returns null if a parameter is repeated, empty or too long, or `state` is missing. Also returns null if both or
 * neither of `code` and `error` are present.
 */
export function parseCallback(query: Readonly<Record<string, unknown>>): CallbackQuery | null {
  const values = {} as Record<Name, string | undefined>;
  for (const [name, limit] of Object.entries(LIMITS) as [Name, number][]) {
    const value = Object.hasOwn(query, name) ? query[name] : undefined;
    // A repeated parameter arrives as a list. RFC 6749 section 3.1 forbids repeated parameters.
    if (value !== undefined && (typeof value !== 'string' || value === '' || value.length > limit)) return null;
    values[name] = value;
  }
  const { state, code, iss, error } = values;
  if (state === undefined || (code === undefined) === (error === undefined)) return null;
  return { state, iss, code, error };
}
