/**
 * Errors of the internal, admin and auth APIs: RFC 9457 `application/problem+json` with a `code` from a closed list.
 */
import { Catch, HttpException, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { PROBLEM_CODES, PROBLEM_STATUS, type ProblemBody, type ProblemCode, type ProblemParameters } from '#contracts';
import { LOGGER } from './context.js';
import { isDatabaseOutage, sqlState } from './database.js';
import type { Logger } from './logging.js';

export class Problem extends Error {
  readonly status: number;

  constructor(
    readonly code: ProblemCode,
    /** One sentence for the person who must act; it names no command. */
    readonly detail: string,
    readonly retryAfterSeconds?: number,
    /** Values of the problem by name, for callers that write their own sentences. */
    readonly parameters?: ProblemParameters,
  ) {
    super(detail);
    this.name = 'Problem';
    this.status = PROBLEM_STATUS[code];
  }
}

/** Turns any error into a {@link Problem} that contains no internal details. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isDatabaseOutage(error))
    return new Problem(
      'unavailable',
      'The database is not reachable at the moment. A change may or may not have been stored; a repetition is safe.',
      5,
    );
  // SQLSTATE class 22 is a data exception, e.g. a NUL character, which Postgres text cannot contain.
  if (sqlState(error)?.startsWith('22'))
    return new Problem('invalid_request', 'The request contains a value that cannot be looked up or stored.');
  const status =
    error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown } | null)?.statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    const code = PROBLEM_CODES.find((c) => PROBLEM_STATUS[c] === status) ?? 'invalid_request';
    return new Problem(code, error instanceof Error ? error.message : 'The request was refused.');
  }
  return new Problem('internal', 'An internal error occurred. It is logged with the trace id of this request.');
}

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = toProblem(error);
    if (problem.status >= 500) this.logger.error({ err: error, code: problem.code }, 'request failed');
    sendProblem(host.switchToHttp().getResponse<FastifyReply>(), problem);
  }
}

export function sendProblem(reply: FastifyReply, problem: Problem): void {
  const { status, code, detail, parameters, retryAfterSeconds } = problem;
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
  const body: ProblemBody = { type: 'about:blank', status, code, detail, ...(parameters && { parameters }) };
  void reply.status(status).type('application/problem+json').send(body);
}
