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
} as const;

export type ProblemCode = keyof typeof PROBLEM_STATUS;

export const PROBLEM_CODES = Object.keys(PROBLEM_STATUS) as ProblemCode[];

/** What a code is about, by name: `{ tenant: 'acme' }`. Never a secret, never a sentence. */
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
