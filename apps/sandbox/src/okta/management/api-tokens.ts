/** SSWS tokens of the Management API. A token is shown once and stored as a hash. */
import { createHash } from 'node:crypto';
import type { Database } from '#platform';
import { randomText } from '../../text.js';
import { oktaId } from '../model.js';

/** A token has the rights of the administrator who created it. `none` means that they have lost their rights. */
export type Rights = 'admin' | 'none';

export interface Caller {
  readonly slug: string;
  readonly appId: string;
  readonly ownerId: string;
  readonly rights: Rights;
  readonly since: Date;
}

const hash = (token: string): string => createHash('sha256').update(token).digest('hex');

export class ApiTokens {
  constructor(private readonly database: Database) {}

  async create(slug: string, rights: Rights): Promise<string> {
    const token = `00${randomText(40)}`;
    await this.database.query('insert into okta_api_token (hash, slug, owner_id, rights) values ($1, $2, $3, $4)', [
      hash(token),
      slug,
      oktaId('00u'),
      rights,
    ]);
    return token;
  }

  async revokeAll(slug: string): Promise<void> {
    await this.database.query('delete from okta_api_token where slug = $1', [slug]);
  }

  async find(token: string): Promise<Caller | null> {
    const [caller] = await this.database.query<Caller>(
      `select t.slug, a.app_id as "appId", t.owner_id as "ownerId", t.rights, t.created_at as since
         from okta_api_token t join okta_app a on a.slug = t.slug where t.hash = $1`,
      [hash(token)],
    );
    return caller ?? null;
  }
}
