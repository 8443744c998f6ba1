/** What `npm run obo` prints. */
import { table } from '#platform';
import type { TenantView } from '#settings';
import type { ExchangeSource } from '#contracts';
import type { Client, Rotated } from './client.js';

export function describeList(clients: readonly Client[], tenants: readonly TenantView[]): string {
  if (clients.length === 0)
    return 'No service may exchange tokens yet. Register one: npm run obo -- add <client> --audience <service>';
  const rows = clients.map((c) => [
    c.id,
    slugs(c, tenants),
    c.audiences.join(', '),
    c.tokenKinds.join(', '),
    c.authentication,
  ]);
  return table(['client', 'tenants', 'audiences', 'takes', 'authenticates by'], rows);
}

export function describeClient(client: Client, tenants: readonly TenantView[]): string {
  const { id, audiences, tokenKinds, authentication, endpoints, previousSecretValidUntil } = client;
  return lines([
    ['Client id', id],
    ['Authenticates by', authentication],
    [
      'Token endpoint',
      endpoints.map((url) => `POST ${url}`).join('\n') || 'unknown: no tenant of it is known here yet',
    ],
    ['Tenants', slugs(client, tenants)],
    ['Audiences', audiences.join(', ')],
    ['May show', tokenKinds.map((kind) => KINDS[kind]).join('\n')],
    ...(previousSecretValidUntil ? [['Secret before', `valid until ${previousSecretValidUntil}`] as const] : []),
  ]);
}

const KINDS: Readonly<Record<Client['tokenKinds'][number], string>> = {
  id_token: 'ID tokens, each once',
  access_token: "access tokens of the tenant's custom authorization server",
  org_access_token: 'access tokens of the Okta org',
};

export const describeSecret = (secret: string | null): string =>
  secret === null
    ? ''
    : `\n\n${lines([['Client secret', secret]])}\n\nThe secret is shown only now and stored nowhere; keep it where the client reads its secrets.`;

export const describeRotation = (id: string, { clientSecret, previousSecretValidUntil: until }: Rotated): string =>
  `The client "${id}" has a new secret.${describeSecret(clientSecret)}\n${
    until === null
      ? 'The one before it is not valid any more.'
      : `The one before it stays valid until ${until}: give the client the new one before then.`
  }`;

export const describeSource = (slug: string, source: ExchangeSource | null): string =>
  source === null
    ? `"${slug}" takes no access tokens of a custom authorization server; those of the Okta org and ID tokens need no settings.`
    : `"${slug}" takes access tokens of\n\n${lines([
        ['Issuer', source.issuer],
        ['Audience', source.audience],
        ['Apps in Okta', source.clientIds.join(', ')],
        ['With the scope', source.scope],
      ])}`;

const slugs = ({ tenants }: Client, known: readonly TenantView[]): string =>
  tenants.map((id) => known.find((tenant) => tenant.id === id)?.slug ?? id).join(', ');

/** A value of several lines continues in its column. */
function lines(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 3;
  const indent = ' '.repeat(width + 2);
  return rows.map(([name, value]) => `  ${name.padEnd(width)}${value.replaceAll('\n', `\n${indent}`)}`).join('\n');
}
