/**
 * Universal Logout: Okta asks an app to end all sessions and tokens of a person (Global Token Revocation,
 * draft-parecki-oauth-global-token-revocation-05).
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Database } from '#platform';
import { ControlError } from '../../listener.js';
import { once, type Attempt } from '../hooks/sender.js';
import type { Person } from '../model.js';
import { sign, signRightly, type Draft } from './draft.js';
import { seconds, type Client } from './model.js';
import type { OidcProvider } from './provider.js';

const subjectFormats = ['email', 'iss_sub'] as const;
export const logoutFaults = [
  'wrong-key',
  'wrong-typ',
  'wrong-iss',
  'wrong-sub',
  'wrong-aud',
  'expired',
  'replay',
] as const;
type LogoutFault = (typeof logoutFaults)[number];

export const logoutTarget = z.object({
  url: z.url({ protocol: /^https?$/ }),
  /** How Okta names the person. By default, Okta uses the e-mail address. */
  subjectFormat: z.enum(subjectFormats).default('email'),
});
export type LogoutTarget = z.output<typeof logoutTarget>;

export interface LogoutResult {
  readonly url: string;
  readonly login: string;
  /** Number of browsers that were signed in to the org as this person. */
  readonly sessionsEnded: number;
  readonly attempts: readonly Attempt[];
}

const TYP = 'global-token-revocation+jwt';
const LIFETIME_SECONDS = 300;
/** This time-out is long, because the app may answer 204 only after it has reached several systems. */
const TIMEOUT_MS = 30_000;

type Change = (draft: Draft, now: number) => Draft;
const claims =
  (extra: object): Change =>
  (d) => ({ ...d, claims: { ...d.claims, ...extra } });
const changes: Readonly<Record<LogoutFault, Change>> = {
  'wrong-key': (d) => ({ ...d, signedWith: 'foreign-key' }),
  'wrong-typ': (d) => ({ ...d, header: { ...d.header, typ: 'JWT' } }),
  'wrong-iss': claims({ iss: 'https://attacker.okta.example' }),
  'wrong-sub': claims({ sub: '0oaSomebodyElsesApp0' }),
  'wrong-aud': claims({ aud: 'https://somebody-else.example/universal-logout' }),
  expired: (d, now) => claims({ iat: now - 2 * LIFETIME_SECONDS, exp: now - LIFETIME_SECONDS })(d, now),
  replay: (d) => d,
};

export class UniversalLogout {
  private readonly stopping = new AbortController();

  constructor(
    private readonly database: Database,
    private readonly oidc: OidcProvider,
  ) {}

  async save(slug: string, { url, subjectFormat }: LogoutTarget): Promise<void> {
    await this.database.query(
      `insert into okta_universal_logout (slug, url, subject_format) values ($1, $2, $3)
       on conflict (slug) do update set url = excluded.url, subject_format = excluded.subject_format`,
      [slug, url, subjectFormat],
    );
  }

  async find(slug: string): Promise<LogoutTarget | null> {
    const [row] = await this.database.query<LogoutTarget>(
      'select url, subject_format as "subjectFormat" from okta_universal_logout where slug = $1',
      [slug],
    );
    return row ?? null;
  }

  async remove(slug: string): Promise<void> {
    await this.database.query('delete from okta_universal_logout where slug = $1', [slug]);
  }

  /** Ends the person's sessions with the org, then sends the logout to the app. The fault `replay` sends it twice. */
  async send(client: Client, person: Person, fault?: LogoutFault): Promise<LogoutResult> {
    const target = await this.find(client.slug);
    if (!target)
      throw new ControlError(
        404,
        `tenant "${client.slug}" has no Universal Logout endpoint; set it with PUT /sandbox/apps/${client.slug}/universal-logout`,
      );
    const sessionsEnded = await this.oidc.sessions.endAll(person.id);
    const request = {
      method: 'POST' as const,
      url: target.url,
      headers: { authorization: `Bearer ${await this.token(client, target.url, fault)}`, 'user-agent': 'Okta' },
      body: JSON.stringify({ sub_id: this.subject(target, person) }),
    };
    const attempts: Attempt[] = [];
    for (let left = fault === 'replay' ? 2 : 1; left > 0; left--)
      attempts.push((await once(request, this.stopping.signal, TIMEOUT_MS)).attempt);
    return { url: target.url, login: person.login, sessionsEnded, attempts };
  }

  stop(): void {
    this.stopping.abort();
  }

  private subject({ subjectFormat }: LogoutTarget, person: Person): object {
    return subjectFormat === 'email'
      ? { format: 'email', email: person.profile.email ?? person.login }
      : { format: 'iss_sub', iss: this.oidc.server('org').issuer, sub: person.id };
  }

  private async token(client: Client, url: string, fault?: LogoutFault): Promise<string> {
    const own = await this.oidc.keys.current('org');
    const now = seconds(Date.now());
    const audience = new URL(url);
    audience.search = '';
    const right: Draft = {
      header: { kid: own.kid, alg: 'RS256', typ: TYP },
      claims: {
        iss: this.oidc.server('org').issuer,
        sub: client.clientId,
        aud: audience.href,
        iat: now,
        exp: now + LIFETIME_SECONDS,
        jti: randomUUID(),
      },
      signedWith: 'own-key',
    };
    if (!fault) return signRightly(right, own);
    return sign(changes[fault](right, now), { own, foreign: await this.oidc.tokens.foreignKey(), clientSecret: null });
  }
}
