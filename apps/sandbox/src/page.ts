/** The frame of the HTML pages that a person sees, and the first page of each listener. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f4f4;color:#1d1d21}
*{box-sizing:border-box}main{max-width:28rem;margin:3rem auto;padding:2rem;background:#fff;border:1px solid #8c8c96;border-radius:.5rem}
h1{font-size:1.4rem;margin:0 0 1rem}ul{list-style:none;padding:0}li{margin:.5rem 0}
label{display:block;font-weight:600}input{font:inherit;width:100%;padding:.5rem;border:1px solid #6e6e78;border-radius:.25rem}
button{font:inherit;width:100%;text-align:left;padding:.6rem;margin-top:.5rem;border:1px solid #1662dd;border-radius:.25rem;background:#fff;color:#1d1d21;cursor:pointer}
form+form{margin-top:1.5rem;padding-top:1.5rem;border-top:1px solid #c9c9d1}form+form button{text-align:center;background:#1662dd;color:#fff}
@media(max-width:30rem){main{margin:0;border:0;padding:1.25rem}}
h2{font-size:1.1rem;margin:1.75rem 0 .25rem}dl{margin:0}dt{margin-top:.75rem}dd{margin:0;color:#595962}code{font-size:.875rem}code,a{overflow-wrap:anywhere}
button small{display:block;color:#595962}:focus-visible{outline:3px solid #1662dd;outline-offset:2px}
[role=alert]{border-left:4px solid #b3261e;padding:.5rem 1rem;background:#fdf3f2}`;

/**
 * Headers of each page. The policy has no `form-action`, because browsers would then block the redirect to the client
 * after the form.
 */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; frame-ancestors 'none'`,
};

export interface FirstPage {
  readonly product: string;
  readonly about: string;
  /** Paths of this listener that answer JSON, each with a description. */
  readonly paths: Readonly<Record<string, string>>;
  /** Commands to type, each with a description. */
  readonly commands: Readonly<Record<string, string>>;
}

/** Answers `GET /`, where a person arrives who clicks on the address of a listener. */
export function serveFirstPage(app: FastifyInstance, { product, about, paths, commands }: FirstPage): void {
  const list = (entries: Readonly<Record<string, string>>, name: (entry: string) => string): string =>
    `<dl>${Object.entries(entries)
      .map(([entry, does]) => `<dt>${name(entry)}</dt><dd>${escape(does)}</dd>`)
      .join('')}</dl>`;
  const body = `<p>${escape(about)}</p>
<h2>In a terminal</h2>${list(commands, (command) => `<code>${escape(command)}</code>`)}
<h2>Look at it here</h2>${list(paths, (path) => `<a href="${escape(path)}">${escape(path)}</a>`)}
<p>Everything else is in <code>apps/sandbox/README.md</code>.</p>`;
  app.get('/', (_request, reply) => reply.headers(PAGE_HEADERS).send(page(product, body, 'StackFlow sandbox')));
}

export const page = (title: string, body: string, product: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title} - ${product}</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1>
${body}
</main></body></html>
`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
