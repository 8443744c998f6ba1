/**
 * Errors of every internal, admin and auth API: RFC 9457 `application/problem+json` with a `code` from this closed list.
 * A service answers the code and its parameters; the command line and the hub turn them into sentences for their reader.
 */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/** Each code and its HTTP status. Add a code here before an owner may answer it. */
export const PROBLEM_STATUS = {
  invalid_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  comparison_running: 409,
  okta_not_connected: 409,
  internal: 500,
  unavailable: 503,
  /** The service has no consumer group `group`; it has `groups`. */
  group_unknown: 404,
  /** Nothing of `key` is parked for `group`. */
  key_not_parked: 404,
  /** `key` matches several parked keys: `matches`. */
  key_ambiguous: 409,
  /** The events of `key` are being handled at this moment. */
  key_busy: 409,
  /** The first record of `key` cannot be read as an event; only a skip helps. */
  event_unreadable: 409,
  // integration-hub
  tenant_unknown: 404,
  tenant_exists: 409,
  host_taken: 409,
  slug_invalid: 400,
  host_invalid: 400,
  settings_invalid: 400,
  secret_invalid: 400,
  issuer_missing: 400,
  secret_store_unavailable: 503,
} as const;

export type ProblemCode = keyof typeof PROBLEM_STATUS;

export const PROBLEM_CODES = Object.keys(PROBLEM_STATUS) as ProblemCode[];

/** The parameters of a code, by name: `{ tenant: 'acme' }`. Never a secret, never a sentence. */
export type ProblemParameters = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export class ProblemBody {
  @ApiProperty({ example: 'about:blank' })
  type!: string;

  @ApiProperty({ example: 404 })
  status!: number;

  @ApiProperty({ enum: PROBLEM_CODES })
  code!: ProblemCode;

  /** One sentence for the person who must act; it names no command of ours. */
  @ApiProperty({ example: 'The tenant is unknown here.' })
  detail!: string;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true })
  parameters?: ProblemParameters;
}
