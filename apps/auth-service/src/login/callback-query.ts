/** What Okta's redirect may carry (RFC 6749 section 4.1.2, RFC 9207). Pure. */
export interface CallbackQuery {
  readonly state: string;
  readonly iss: string | undefined;
  /** Exactly one of the two. */
  readonly code: string | undefined;
  readonly error: string | undefined;
}

const LIMITS = { state: 128, code: 4_096, iss: 512, error: 128 } as const;
type Name = keyof typeof LIMITS;

/** Null for a parameter that stands there twice, is missing, empty or endless, or for a code and an error at once. */
export function parseCallback(query: Readonly<Record<string, unknown>>): CallbackQuery | null {
  const values = {} as Record<Name, string | undefined>;
  for (const [name, limit] of Object.entries(LIMITS) as [Name, number][]) {
    const value = Object.hasOwn(query, name) ? query[name] : undefined;
    // RFC 6749 section 3.1: a parameter must not be included more than once.
    if (value !== undefined && (typeof value !== 'string' || value === '' || value.length > limit)) return null;
    values[name] = value;
  }
  const { state, code, iss, error } = values;
  if (state === undefined || (code === undefined) === (error === undefined)) return null;
  return { state, iss, code, error };
}
