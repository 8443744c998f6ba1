/** Errors of the internal, admin and auth APIs: RFC 9457 problem documents with a `code` of this closed list. */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/** The HTTP status of each code. A service can answer only with codes of this list. */
export const PROBLEM_STATUS = {
  invalid_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  /** The credential is valid, but `caller` has no `scope`. */
  scope_missing: 403,
  not_found: 404,
  conflict: 409,
  comparison_running: 409,
  okta_not_connected: 409,
  internal: 500,
  unavailable: 503,
  /** The service has no consumer group `group`. `groups` lists the existing groups. */
  group_unknown: 404,
  /** No event of `key` is parked for `group`. */
  key_not_parked: 404,
  /** `key` matches several parked keys. `matches` lists them. */
  key_ambiguous: 409,
  /** The events of `key` are being handled at this moment. */
  key_busy: 409,
  /** The first record of `key` cannot be read as an event. Only a skip can unblock the key. */
  event_unreadable: 409,
  /** The tenant is not erased while SCIM is on. */
  scim_enabled: 409,
  // integration-hub
  tenant_unknown: 404,
  tenant_exists: 409,
  /** The erasure of the tenant was requested, so nobody can change it. */
  tenant_erasing: 409,
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

/** The parameters of a code, by name, e.g. `{ tenant: 'acme' }`. They never contain secrets or sentences. */
export type ProblemParameters = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export class ProblemBody {
  @ApiProperty({ example: 'about:blank' }) type!: string;
  @ApiProperty({ example: 404 }) status!: number;
  @ApiProperty({ enum: PROBLEM_CODES }) code!: ProblemCode;

  /** One sentence for the person who must act. It names no command of the command line. */
  @ApiProperty({ example: 'The tenant is unknown here.' }) detail!: string;
  @ApiPropertyOptional({ type: 'object', additionalProperties: true }) parameters?: ProblemParameters;
}
