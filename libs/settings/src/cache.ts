/**
 * Keeps the tenants in memory, for code that cannot afford a query per request. If this process handles the event of a
 * change, the change is visible at once. Otherwise it is visible within `pollMs`. An unknown tenant causes no query, so
 * random tenant ids cannot load the database.
 */
import type { Queryable } from '#platform';
import { copyOf, settingsSince, type SettingsEvent, type TenantCopy } from './copy.sql.js';
import { hostName } from './tenant-host.js';

export type TenantListener = (current: TenantCopy, previous: TenantCopy | null) => void;

export interface TenantSettingsCacheOptions {
  readonly database: Queryable;
  readonly schema: string;
  /** Maximum age of the cached tenants, in milliseconds. */
  readonly pollMs?: number;
}

/**
 * Each refresh also reads the last minute before the previous refresh: a row that was written in this minute may have
 * been committed after that refresh. No transaction of a service lasts a minute (statement timeout 30 s).
 */
const LOOK_BACK_MS = 60_000;

export class TenantSettingsCache {
  private readonly copies = new Map<string, TenantCopy>();
  private readonly bySlug = new Map<string, TenantCopy>();
  private readonly byHost = new Map<string, readonly TenantCopy[]>();
  private readonly listeners: TenantListener[] = [];
  private readAt: Date | null = null;
  private validUntil = 0;
  private refreshing: Promise<void> | null = null;

  constructor(private readonly options: TenantSettingsCacheOptions) {}

  /**
   * Returns the current settings, or null for an unknown tenant. Rejects if the cache is too old and the database does
   * not answer.
   */
  async get(tenantId: string): Promise<TenantCopy | null> {
    await this.ensureCurrent();
    return this.copies.get(tenantId) ?? null;
  }

  async ofSlug(slug: string): Promise<TenantCopy | null> {
    await this.ensureCurrent();
    return this.bySlug.get(slug) ?? null;
  }

  async all(): Promise<readonly TenantCopy[]> {
    await this.ensureCurrent();
    return [...this.copies.values()];
  }

  /**
   * Returns the tenants with this host name, without regard to a port. While a host name moves to another tenant, both
   * tenants may have it, because their events arrive in any order.
   */
  async ofHost(host: string): Promise<readonly TenantCopy[]> {
    await this.ensureCurrent();
    return this.byHost.get(hostName(host)) ?? [];
  }

  /** Calls the listener each time the cache stores new settings of a tenant. */
  onChange(listener: TenantListener): void {
    this.listeners.push(listener);
  }

  /** Applies an event, unless the cache has this version or a newer one. Call this after the event's commit. */
  accept(event: SettingsEvent): void {
    this.put(copyOf(event));
  }

  /** Reads what changed since the last refresh. Concurrent callers wait for the same query. */
  refresh(): Promise<void> {
    this.refreshing ??= this.read().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  private async ensureCurrent(): Promise<void> {
    if (performance.now() >= this.validUntil) await this.refresh();
  }

  private async read(): Promise<void> {
    const startedAt = performance.now();
    const since = this.readAt && new Date(this.readAt.getTime() - LOOK_BACK_MS);
    const { copies, erased, readAt } = await settingsSince(this.options.database, this.options.schema, since);
    for (const copy of copies) this.put(copy);
    for (const tenantId of erased) this.remove(tenantId);
    this.readAt = readAt;
    this.validUntil = startedAt + (this.options.pollMs ?? 2_000);
  }

  private put(copy: TenantCopy): void {
    const previous = this.copies.get(copy.tenantId) ?? null;
    if (previous && previous.version >= copy.version) return;
    this.copies.set(copy.tenantId, copy);
    if (previous && this.bySlug.get(previous.slug) === previous) this.bySlug.delete(previous.slug);
    this.bySlug.set(copy.slug, copy);
    if (previous?.host) this.setHost(previous.host, copy.tenantId, []);
    if (copy.host) this.setHost(copy.host, copy.tenantId, [copy]);
    for (const listener of this.listeners) listener(copy, previous);
  }

  private remove(tenantId: string): void {
    const copy = this.copies.get(tenantId);
    if (!copy) return;
    this.copies.delete(tenantId);
    if (this.bySlug.get(copy.slug) === copy) this.bySlug.delete(copy.slug);
    if (copy.host) this.setHost(copy.host, tenantId, []);
  }

  private setHost(host: string, tenantId: string, now: readonly TenantCopy[]): void {
    const name = hostName(host);
    const others = (this.byHost.get(name) ?? []).filter((copy) => copy.tenantId !== tenantId);
    if (others.length + now.length === 0) this.byHost.delete(name);
    else this.byHost.set(name, [...others, ...now]);
  }
}
