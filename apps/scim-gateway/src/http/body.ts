import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { LIMITS, ScimError } from '#scim';
import { parseJson } from './json.js';

/** True for the pattern of a URL below `/Groups`. A group may be larger than any other body. */
export const isGroupRoute = (route: string | undefined): boolean => /^\/scim\/v2\/Groups(\/|$)/.test(route ?? '');

export function installBodyParser(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addHook('onRoute', (route) => {
    if (isGroupRoute(route.url)) route.bodyLimit = LIMITS.groupBody.bytes;
  });
  server.addContentTypeParser<Buffer>(
    ['application/scim+json', 'application/json'],
    { parseAs: 'buffer' },
    ({ routeOptions }: FastifyRequest, body: Buffer) =>
      parseBody(body, isGroupRoute(routeOptions.url) ? LIMITS.groupBody : LIMITS.userBody),
  );
}

/** Parses JSON in UTF-8. Returns undefined for an empty body, which only DELETE accepts. */
export async function parseBody(
  body: Buffer,
  limits: typeof LIMITS.userBody | typeof LIMITS.groupBody,
): Promise<unknown> {
  if (body.length === 0) return undefined;
  if (!isUtf8(body)) throw ScimError.of('invalidSyntax', 'The request body is not valid UTF-8.');
  return parseJson(body, limits);
}
