import type { ExchangeClientView, ExchangeSource, Json, TokenKind } from '#contracts';
import { fields, instant, table, type Screen } from '#command-line';
import type { Tenant } from '../services.js';

type Client = Json<ExchangeClientView>;

export const describeClients = (screen: Screen, clients: readonly Client[], tenants: readonly Tenant[]): string =>
  table(screen, clients, [
    { head: 'CLIENT', cell: (c) => c.id },
    { head: 'TENANTS', cell: (c) => slugs(c, tenants), shrink: 3 },
    { head: 'AUDIENCES', cell: (c) => c.audiences.join(', '), shrink: 2 },
    { head: 'ACCEPTS', cell: (c) => c.tokenKinds.join(', '), shrink: 1 },
    { head: 'AUTHENTICATES BY', cell: (c) => c.authentication },
  ]);

export function describeClient(client: Client, tenants: readonly Tenant[]): string {
  const { id, audiences, tokenKinds, authentication, endpoints, previousSecretValidUntil } = client;
  return fields([
    ['Client id', id],
    ['Authenticates by', authentication],
    [
      'Token endpoint',
      endpoints.map((url) => `POST ${url}`).join('\n') ||
        'not known yet, because auth-service has no settings of these tenants',
    ],
    ['Tenants', slugs(client, tenants)],
    ['Audiences', audiences.join(', ')],
    ['May exchange', tokenKinds.map((kind) => KINDS[kind]).join('\n')],
    ['Previous secret', previousSecretValidUntil && `valid until ${instant(previousSecretValidUntil)}`],
  ]);
}

const KINDS: Readonly<Record<TokenKind, string>> = {
  id_token: 'ID tokens; each one can be exchanged only once',
  access_token: "access tokens of the tenant's custom authorization server",
  org_access_token: 'access tokens of the Okta org',
};

export const describeSecret = (secret: string | null): string =>
  secret === null
    ? ''
    : `\n\n${fields([['Client secret', secret]])}\n\nThe secret is shown only now and is not stored. Store it where the client reads its secrets.`;

export const describeRotation = (id: string, secret: string, until: string | null): string =>
  `The client "${id}" has a new secret.${describeSecret(secret)}\n${
    until === null
      ? 'The previous secret is no longer valid.'
      : `The previous secret stays valid until ${instant(until)}; give the client the new secret before then.`
  }`;

export const describeSource = (slug: string, source: ExchangeSource | null): string =>
  source === null
    ? `Tenant ${slug} accepts no access tokens of a custom authorization server. Access tokens of the Okta org and ID tokens need no settings.`
    : `Tenant ${slug} accepts access tokens of\n\n${fields(
        [
          ['Issuer', source.issuer],
          ['Audience', source.audience],
          ['Apps in Okta', source.clientIds.join(', ')],
          ['With the scope', source.scope],
        ],
        '  ',
      )}`;

const slugs = ({ tenants }: Client, known: readonly Tenant[]): string =>
  tenants.map((id) => known.find((tenant) => tenant.id === id)?.slug ?? id).join(', ');
