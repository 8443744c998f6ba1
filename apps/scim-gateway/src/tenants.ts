/** The tenants as this service knows them: their settings, and the host name that belongs to each. */
import { Injectable } from '@nestjs/common';
import { Database } from '#platform';
import { hostName, TenantSettingsCache, type SettingsEvent, type TenantCopy } from '#settings';

type Listener = (current: TenantCopy, previous: TenantCopy | null) => void;

@Injectable()
export class Tenants {
  private readonly cache: TenantSettingsCache;
  private readonly tenantOfHost = new Map<string, string>();
  private readonly listeners: Listener[] = [];

  constructor(database: Database) {
    this.cache = new TenantSettingsCache({
      database,
      schema: database.schema,
      onChange: (current, previous) => this.changed(current, previous),
    });
  }

  get(tenantId: string): Promise<TenantCopy | null> {
    return this.cache.get(tenantId);
  }

  /** Shows settings that this process has just stored. Call it after the commit. */
  accept(event: SettingsEvent): void {
    this.cache.accept(event);
  }

  onChange(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** A token is valid at its own tenant's host name, and at hosts that no tenant has, e.g. inside the cluster (P4). */
  isHostOfAnother(host: string, tenantId: string): boolean {
    const owner = this.tenantOfHost.get(host.toLowerCase());
    return owner !== undefined && owner !== tenantId;
  }

  private changed(current: TenantCopy, previous: TenantCopy | null): void {
    if (previous?.host && this.tenantOfHost.get(hostName(previous.host)) === current.tenantId)
      this.tenantOfHost.delete(hostName(previous.host));
    if (current.host) this.tenantOfHost.set(hostName(current.host), current.tenantId);
    for (const listener of this.listeners) listener(current, previous);
  }
}
