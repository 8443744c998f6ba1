/** Serves the AWS JSON 1.1 protocol for both AWS stand-ins: `POST /` with `x-amz-target: <prefix>.<Operation>`. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseOutage, type Logger } from '#platform';
import { z } from 'zod';
import type { CallLog } from '../control/call-log.js';
import type { FaultRule, Faults } from '../control/faults.js';
import { AwsError } from './aws-error.js';
import { parseInput } from './input.js';
import { checkSignature } from './signature.js';

export interface Operation {
  run(input: unknown): Promise<object>;
  /** True if the operation needs no AWS credentials, because an access token or the client's secret authorises it. */
  readonly unsigned?: true;
}

/** The handler receives only input that matches the shape. */
export const operation = <I>(shape: z.ZodType<I>, handler: (input: I) => Promise<object>): Operation => ({
  run: (input) => handler(parseInput(shape, input)),
});

export const unsigned = <I>(shape: z.ZodType<I>, handler: (input: I) => Promise<object>): Operation => ({
  ...operation(shape, handler),
  unsigned: true,
});

/** What a call is about: a pool (`scope`), a user or a secret (`subject`), and a group. */
export interface CallSubject {
  readonly scope: string | null;
  readonly subject: string | null;
  readonly group: string | null;
}

export interface AwsService {
  /** The service name in the credential scope of a signature. */
  readonly signingName: string;
  readonly targetPrefix: string;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly throttleError: () => AwsError;
  subjectOf(input: Record<string, unknown>): CallSubject;
  /** Throws an error if the call exceeds a quota. */
  admit?(operation: string, subject: CallSubject): void;
  readonly faults: Faults;
  readonly calls: CallLog;
}

interface Outcome {
  readonly status: number;
  readonly body: object;
  readonly type: string;
  /** True if the listener closes the connection instead of answering. */
  readonly cut: boolean;
  readonly applied: boolean;
}

export function awsRoutes(app: FastifyInstance, service: AwsService, logger: Logger): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.post('/', async (request, reply) => {
    const at = Date.now();
    const name = operationName(request, service);
    const parsed = parseBody(request.body);
    const subject = service.subjectOf(parsed ?? {});
    const outcome = await perform(request, service, name, parsed, subject).catch((error: unknown) =>
      failed(error, logger),
    );
    service.calls.add({
      at,
      endedAt: Date.now(),
      operation: name,
      subject: subject.subject,
      group: subject.group,
      outcome: outcome.type,
      dropped: outcome.cut && outcome.applied,
    });
    return answer(reply, outcome);
  });
}

const operationName = (request: FastifyRequest, service: AwsService): string => {
  const target = String(request.headers['x-amz-target'] ?? '');
  return target.startsWith(`${service.targetPrefix}.`) ? target.slice(service.targetPrefix.length + 1) : '';
};

/** Returns undefined if the body is not a JSON object or contains NUL, which Postgres cannot store. */
function parseBody(body: unknown): Record<string, unknown> | undefined {
  try {
    const text = Buffer.isBuffer(body) && body.length > 0 ? body.toString('utf8') : '{}';
    if (text.includes('\\u0000')) return undefined;
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

async function perform(
  request: FastifyRequest,
  service: AwsService,
  name: string,
  input: Record<string, unknown> | undefined,
  subject: CallSubject,
): Promise<Outcome> {
  const found = Object.hasOwn(service.operations, name) ? service.operations[name] : undefined;
  if (!found)
    throw new AwsError(
      'UnknownOperationException',
      name === '' ? 'x-amz-target names no operation of this service' : `the sandbox does not implement ${name}`,
    );
  if (!found.unsigned) checkSignature(request.headers, service.signingName);
  if (!input) throw new AwsError('SerializationException', 'the request body is not a JSON object');
  const hits = service.faults.hit({ operation: name, username: subject.subject });
  if (await before(hits, service)) return { status: 0, body: {}, type: 'disconnect', cut: true, applied: false };
  service.admit?.(name, subject);
  const body = await found.run(input);
  return { status: 200, body, type: 'ok', cut: hits.some((h) => h.effect === 'drop'), applied: true };
}

/** Applies the injected faults of a call before its operation runs. Returns true if the connection must be closed. */
async function before(hits: readonly FaultRule[], service: AwsService): Promise<boolean> {
  for (const hit of hits) {
    if (hit.effect === 'latency') await sleep(hit.ms);
    if (hit.effect === 'throttle') throw service.throttleError();
    if (hit.effect === 'error') throw new AwsError(hit.error, hit.message, hit.status);
    if (hit.effect === 'disconnect') return true;
  }
  return false;
}

function failed(error: unknown, logger: Logger): Outcome {
  const known =
    error instanceof AwsError
      ? error
      : new AwsError('InternalErrorException', 'Something went wrong on the sandbox side');
  if (known !== error && !isDatabaseOutage(error)) logger.error({ err: error }, 'sandbox operation failed');
  return {
    status: known.status,
    body: { __type: known.type, message: known.message },
    type: known.type,
    cut: false,
    applied: false,
  };
}

function answer(reply: FastifyReply, outcome: Outcome): FastifyReply {
  if (outcome.cut) {
    reply.hijack();
    reply.raw.socket?.destroy();
    return reply;
  }
  const text = outcome.status === 200 && Object.keys(outcome.body).length === 0 ? '{}' : JSON.stringify(outcome.body);
  return reply
    .status(outcome.status)
    .header('content-type', 'application/x-amz-json-1.1')
    .header('x-amzn-requestid', randomUUID())
    .send(Buffer.from(text)); // If the body were a string, Fastify would add a charset to the content type
}
