/**
 * The tenants' settings in memory, for paths that cannot afford a query per request. Events that this process
 * handles show at once ({@link TenantSettingsCache.accept}); what other replicas wrote shows within `pollMs`. An
 * unknown tenant costs no query of its own, so random tenant ids cannot load the database.
 */
import type { Queryable } from '#platform';
import { copyOf, settingsSince, type SettingsEvent, type TenantCopy } from './copy.sql.js';

export interface TenantSettingsCacheOptions {
  readonly database: Queryable;
  readonly schema: string;
  /** The oldest that an answer may be, in milliseconds. */
  readonly pollMs?: number;
  /** Told about every newer version, e.g. to forget a cached SCIM token. */
  readonly onChange?: (current: TenantCopy, previous: TenantCopy | null) => void;
}

/**
 * `received_at` is taken before its transaction commits, so a refresh looks back further than the longest transaction
 * that a service allows (statement timeout 30 s).
 */
const LOOK_BACK_MS = 60_000;

export class TenantSettingsCache {
  private readonly copies = new Map<string, TenantCopy>();
  private readAt: Date | null = null;
  private freshUntil = 0;
  private refreshing: Promise<void> | null = null;

  constructor(private readonly options: TenantSettingsCacheOptions) {}

  /** The settings in force, null = unknown tenant. Rejects when the copy is too old and the database cannot be asked. */
  async get(tenantId: string): Promise<TenantCopy | null> {
    if (performance.now() >= this.freshUntil) await this.refresh();
    return this.copies.get(tenantId) ?? null;
  }

  /** Takes over an event that this process has stored; call it after the commit. Older versions are ignored. */
  accept(event: SettingsEvent): void {
    this.put(copyOf(event));
  }

  /** Reads what changed since the last time; concurrent callers share one query. */
  refresh(): Promise<void> {
    this.refreshing ??= this.read().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  private async read(): Promise<void> {
    const startedAt = performance.now();
    const since = this.readAt && new Date(this.readAt.getTime() - LOOK_BACK_MS);
    const { copies, readAt } = await settingsSince(this.options.database, this.options.schema, since);
    for (const copy of copies) this.put(copy);
    this.readAt = readAt;
    this.freshUntil = startedAt + (this.options.pollMs ?? 2_000);
  }

  private put(copy: TenantCopy): void {
    const previous = this.copies.get(copy.tenantId) ?? null;
    if (previous && previous.version >= copy.version) return;
    this.copies.set(copy.tenantId, copy);
    this.options.onChange?.(copy, previous);
  }
}
