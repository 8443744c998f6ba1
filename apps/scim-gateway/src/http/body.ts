/** Request bodies: JSON in UTF-8, whatever the client calls it, and nothing else. */
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

/** An empty body becomes undefined: a DELETE may have none, every other handler refuses it. */
export function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  if (!isUtf8(body)) throw ScimError.of('invalidSyntax', 'The request body is not valid UTF-8.');
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (error) {
    throw ScimError.of(
      'invalidSyntax',
      `The request body is not valid JSON: ${quote(error instanceof Error ? error.message : '')}.`,
    );
  }
}
