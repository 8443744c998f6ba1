/** OIDC clients. Secrets are stored in plain text, because the fault `hs256-client-secret` signs tokens with them. */
import type { Database } from '#platform';
import { ControlError } from '../../listener.js';
import { randomText } from '../../text.js';
import { oktaId } from '../model.js';
import { clientSettings, type Client, type ClientSettings } from './model.js';

const CLIENT = `select c.client_id as "clientId", c.slug, '00o' || substr(a.app_id, 4) as "orgId", c.label, c.secret, c.settings
  from okta_oidc_client c join okta_app a on a.slug = c.slug`;

const newSecret = (): string => randomText(64);

export class ClientStore {
  constructor(private readonly database: Database) {}

  /**
   * Creates or changes a client. An existing client keeps its id. It keeps its secret, unless its authentication method
   * changed.
   */
  async save(slug: string, label: string, settings: ClientSettings): Promise<{ client: Client; secretIsNew: boolean }> {
    const secret = settings.jwks ? null : newSecret();
    await this.database.query(
      `insert into okta_oidc_client as c (client_id, slug, label, secret, settings) values ($1, $2, $3, $4, $5)
       on conflict (slug, label) do update set settings = excluded.settings,
         secret = case when excluded.secret is null then null else coalesce(c.secret, excluded.secret) end`,
      [oktaId('0oa'), slug, label, secret, JSON.stringify(settings)],
    );
    const client = await this.byLabel(slug, label);
    return { client, secretIsNew: secret !== null && client.secret === secret };
  }

  async byId(clientId: string): Promise<Client | null> {
    if (!/^0oa[0-9A-Za-z]{17}$/.test(clientId)) return null;
    return this.find('c.client_id = $1', clientId);
  }

  async byLabel(slug: string, label: string): Promise<Client> {
    const client = await this.find('c.slug = $1 and c.label = $2', slug, label);
    if (client) return client;
    throw new ControlError(
      404,
      `tenant "${slug}" has no OIDC client "${label}"; register it with PUT /sandbox/apps/${slug}/oidc-client`,
    );
  }

  private async find(condition: string, ...values: string[]): Promise<Client | null> {
    const [client] = await this.database.query<Client>(`${CLIENT} where ${condition}`, values);
    return client ? { ...client, settings: clientSettings.parse(client.settings) } : null;
  }

  async remove(client: Client): Promise<void> {
    await this.database.query('delete from okta_oidc_client where client_id = $1', [client.clientId]);
  }

  /** Replaces the secret. The old secret stops working at once. */
  async newSecret(client: Client): Promise<string> {
    if (client.settings.jwks) throw new ControlError(409, 'a client with its own keys has no secret');
    const secret = newSecret();
    await this.database.query('update okta_oidc_client set secret = $2 where client_id = $1', [
      client.clientId,
      secret,
    ]);
    return secret;
  }
}
