/** Registers both authorization servers. They accept forms, and each request is logged as a call. */
import type { FastifyInstance } from 'fastify';
import type { Logger } from '#platform';
import { oidcApi } from './api.js';
import { oidcPages } from './pages.js';
import type { OidcProvider } from './provider.js';

export function oidcRoutes(app: FastifyInstance, oidc: OidcProvider, logger: Logger): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
      done(null, formFields(String(body))),
    );
    scope.addHook('onResponse', async (request, reply) => {
      const endedAt = Date.now();
      const operation = `oidc.${request.routeOptions.url?.split('/').at(-1) ?? 'unknown'}`;
      const outcome = reply.statusCode < 400 ? 'ok' : String(reply.statusCode);
      const about = { operation, subject: null, group: null, outcome, dropped: false };
      oidc.calls.add({ at: endedAt - reply.elapsedTime, endedAt, ...about });
    });
    await scope.register(async (pages) => oidcPages(pages, oidc, logger));
    await scope.register(async (api) => oidcApi(api, oidc, logger));
  });
}

/** Parses a form. A repeated field becomes an array, which `parameter` refuses. */
function formFields(body: string): Readonly<Record<string, string | string[]>> {
  const form = new URLSearchParams(body);
  const fields = [...new Set(form.keys())].map((name) => {
    const values = form.getAll(name);
    return [name, values.length === 1 ? values.join('') : values] as const;
  });
  return Object.fromEntries(fields);
}
