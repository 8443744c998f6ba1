import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { LIMITS, quote, ScimError } from '#scim';

export function installBodyParser(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser<Buffer>(
    ['application/scim+json', 'application/json'],
    { parseAs: 'buffer', bodyLimit: LIMITS.bodyBytes },
    (_request, body, done) => {
      try {
        done(null, parseBody(body));
      } catch (error) {
        done(error as Error);
      }
    },
  );
}

/** Parses JSON in UTF-8. Returns undefined for an empty body, which only DELETE accepts. */
export function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  if (!isUtf8(body)) throw ScimError.of('invalidSyntax', 'The request body is not valid UTF-8.');
  const value = parseJson(body.toString('utf8'));
  if (deeperThan(value, LIMITS.bodyDepth))
    throw ScimError.of(
      'invalidSyntax',
      `The objects and lists of the request body are nested more than ${LIMITS.bodyDepth} levels deep, which is the limit.`,
    );
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw ScimError.of(
      'invalidSyntax',
      `The request body is not valid JSON: ${quote(error instanceof Error ? error.message : '')}.`,
    );
  }
}

/** Checks the depth level by level. Recursion could overflow the stack for a very deep body. */
function deeperThan(value: unknown, limit: number): boolean {
  let level = [value].filter(isContainer);
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limit) return true;
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
  return false;
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;
