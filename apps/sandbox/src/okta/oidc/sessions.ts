/** Sessions of browsers with orgs. Each org has its own cookie, because all orgs of the sandbox share a host. */
import type { Database } from '#platform';
import { hashOf, randomSecret, seconds } from './model.js';

export interface OrgSession {
  readonly personId: string;
  /** Time of the sign-in in seconds since the epoch. */
  readonly authTime: number;
}

/** Lifetime of a session. Two hours are Okta's default. */
const LIFETIME = `interval '2 hours'`;

const cookieName = (slug: string): string => `okta-sid-${slug}`;

export const sessionCookie = (slug: string, secret: string, secure: boolean): string =>
  `${cookieName(slug)}=${secret}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}${secret === '' ? '; Max-Age=0' : ''}`;

export function secretInCookies(header: string | undefined, slug: string): string | undefined {
  const prefix = `${cookieName(slug)}=`;
  const found = header?.split('; ').find((pair) => pair.startsWith(prefix));
  return found?.slice(prefix.length) || undefined;
}

export class OrgSessions {
  constructor(private readonly database: Database) {}

  async begin(personId: string): Promise<{ secret: string; session: OrgSession }> {
    const secret = randomSecret();
    const [row] = await this.database.query<{ auth_time: Date }>(
      'insert into okta_session (hash, person_id) values ($1, $2) returning auth_time',
      [hashOf(secret), personId],
    );
    return { secret, session: { personId, authTime: seconds(row?.auth_time ?? 0) } };
  }

  /**
   * A session that is older than the last change of the person's status is invalid, so a suspension ends sessions
   * permanently.
   */
  async find(slug: string, secret: string): Promise<OrgSession | undefined> {
    const [row] = await this.database.query<{ person_id: string; auth_time: Date }>(
      `select s.person_id, s.auth_time from okta_session s join okta_person p on p.id = s.person_id
        where s.hash = $1 and p.slug = $2 and p.status = 'ACTIVE' and s.auth_time > p.status_changed_at
          and s.auth_time > now() - ${LIFETIME}`,
      [hashOf(secret), slug],
    );
    return row && { personId: row.person_id, authTime: seconds(row.auth_time) };
  }

  async end(secret: string): Promise<void> {
    await this.database.query('delete from okta_session where hash = $1', [hashOf(secret)]);
  }

  /** Ends all sessions of a person. Returns how many browsers were signed in. */
  async endAll(personId: string): Promise<number> {
    return (await this.database.query('delete from okta_session where person_id = $1 returning 1', [personId])).length;
  }
}
