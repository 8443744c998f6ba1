/** The event hook of each tenant's org: at most one, verified before it is stored. */
import type { Database } from '#platform';

export interface EventHook {
  readonly id: string;
  readonly url: string;
  /** The whole `Authorization` header of each request. */
  readonly secret: string;
  readonly events: readonly string[];
}

export class HookStore {
  constructor(private readonly database: Database) {}

  async save(slug: string, hook: EventHook): Promise<void> {
    await this.database.query(
      `insert into okta_event_hook (slug, id, url, secret, events) values ($1, $2, $3, $4, $5)
       on conflict (slug) do update set id = excluded.id, url = excluded.url, secret = excluded.secret, events = excluded.events`,
      [slug, hook.id, hook.url, hook.secret, hook.events],
    );
  }

  async find(slug: string): Promise<EventHook | null> {
    const [row] = await this.database.query<EventHook>(
      'select id, url, secret, events from okta_event_hook where slug = $1',
      [slug],
    );
    return row ?? null;
  }

  async remove(slug: string): Promise<void> {
    await this.database.query('delete from okta_event_hook where slug = $1', [slug]);
  }
}
